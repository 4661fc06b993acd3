"""Who a request is from, and whether it may: keys, scopes, origins, proxies, the trail of what was done."""

"""Is memory flat?"""

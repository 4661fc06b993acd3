// Buttons whose action takes a while.

/** Do what a button does, once at a time, and say meanwhile that it is being done. */
export async function once(button, busy, action) {
  // Not `disabled`, which would take the focus away.
  if (button.getAttribute("aria-disabled")) return;
  const label = button.textContent;
  button.setAttribute("aria-disabled", "true");
  button.textContent = busy;
  try {
    await action();
  } finally {
    button.removeAttribute("aria-disabled");
    button.textContent = label;
  }
}

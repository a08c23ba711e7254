// Shows at once what a change in the transfer form does: the same address is asked, and the
// parts of its page marked data-swap take the place of the old ones. The page works without it.
(() => {
  const form = document.getElementById("ask");
  if (!form) return;
  let waiting;
  let asking;

  // What is empty or as usual need not be in the address.
  form.addEventListener("formdata", ({ formData }) => {
    const kept = [...formData].filter(([name, value]) => name === "place" || value);
    const weights = kept.filter(([name]) => name.startsWith("w_"));
    const usual = weights.every(([name, value]) => form.elements[name].defaultUsual === value);
    for (const name of new Set(formData.keys())) formData.delete(name);
    for (const [name, value] of kept) if (!usual || !name.startsWith("w_")) formData.append(name, value);
  });
  // A slider rounds the usual weight to its steps.
  for (const slider of form.querySelectorAll("[data-usual]")) {
    const now = slider.value;
    slider.value = slider.dataset.usual;
    slider.defaultUsual = slider.value;
    slider.value = now;
  }

  const swap = (fresh) => {
    const focused = document.activeElement?.id;
    const open = [...document.querySelectorAll("#results details[open]")].map((part) => part.id);
    for (const part of document.querySelectorAll("[data-swap]")) {
      part.replaceChildren(...(fresh.getElementById(part.id)?.childNodes ?? []));
    }
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const field of form.querySelectorAll("[aria-describedby]")) {
      const wrong = document.getElementById(field.getAttribute("aria-describedby").split(" ")[0]);
      field.toggleAttribute("aria-invalid", false);
      if (wrong?.textContent.trim()) field.setAttribute("aria-invalid", "true");
    }
    if (focused) (document.getElementById(focused) ?? document.getElementById("candidates"))?.focus();
  };

  const show = async (address) => {
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await fetch(address, { signal: asking.signal, headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!fresh.getElementById("results")) throw new Error("another page");
      swap(fresh);
      document.title = fresh.title;
      history.replaceState(null, "", address);
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
    }
  };

  form.addEventListener("input", ({ target }) => {
    const now = document.getElementById(`${target.id}-now`);
    if (now) now.textContent = target.value;
  });
  const changed = ({ target }) => {
    if (!("asked" in form.dataset) || target.form !== form) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const address = new URL(form.action);
      address.search = new URLSearchParams(new FormData(form));
      address.hash = "";
      show(address.href);
    }, 250);
  };
  document.addEventListener("change", changed);
  form.addEventListener("input", (event) => {
    if (event.target.type === "range") changed(event);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-ask]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link.href);
  });
})();

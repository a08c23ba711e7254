// Keeps what is typed into an entry form in this browser, until it is stored.
(() => {
  const form = document.querySelector("form[data-draft]");
  if (!form) return;
  const key = `passerelle.draft:${form.dataset.draft}`;
  const left = new Set(["csrf", "token", "version", "sure"]);
  const fields = (name) => form.querySelectorAll(`[name="${CSS.escape(name)}"]`);
  const typed = () => [...new FormData(form)].filter(([name]) => !left.has(name));
  // Adds a further field of a name with its language, or a further part of the entry.
  const extend = (known, value) => {
    const last = known.at(-1);
    if (last.type === "hidden") {
      const part = last.closest("details");
      part.insertAdjacentHTML("afterend", part.outerHTML.replaceAll(`"${last.value}`, `"${value}`));
      return;
    }
    const label = known[0].labels[0].firstChild.textContent.trim();
    const pair = [last, [...fields(`${last.name}@`)].at(-1)].filter(Boolean);
    const copies = pair.map((field) => field.cloneNode(true));
    copies[0].id = `${last.name}-${known.length}`;
    copies[0].setAttribute("aria-label", `${label} ${known.length + 1}`);
    pair.at(-1).after(...copies);
  };
  const restore = (saved) => {
    const seen = new Map();
    for (const [name, value] of saved) {
      let known = [...fields(name)];
      if (known[0]?.type === "checkbox") {
        for (const box of known) if (box.value === value) box.checked = true;
        continue;
      }
      const number = seen.get(name) ?? 0;
      seen.set(name, number + 1);
      while (value && known[0]?.matches("input, textarea") && !known[number]) {
        extend(known, value);
        known = [...fields(name)];
      }
      if (known[number] && known[number].type !== "hidden") known[number].value = value;
    }
    form.querySelectorAll("details").forEach((part) => {
      part.open ||= [...part.querySelectorAll("input:not([type]), textarea")].some((f) => f.value);
    });
  };
  try {
    const untouched = JSON.stringify(typed());
    const saved = localStorage.getItem(key);
    if ("fresh" in form.dataset && saved && saved !== untouched) {
      restore(JSON.parse(saved));
      form.querySelector("[data-restored]").hidden = false;
    }
    form.querySelector("[data-forget]").addEventListener("click", () => {
      localStorage.removeItem(key);
      location.reload();
    });
    form.addEventListener("input", () => localStorage.setItem(key, JSON.stringify(typed())));
  } catch {
    // Storage is switched off; nothing is kept.
  }
})();

// Keeps what is typed into an entry form in this browser, until it is stored.
(() => {
  const form = document.querySelector("form[data-draft]");
  if (!form) return;
  const key = `passerelle.draft:${form.dataset.draft}`;
  const left = new Set(["csrf", "token", "version", "sure"]);
  const fields = (name) => form.querySelectorAll(`[name="${CSS.escape(name)}"]`);
  const typed = () => [...new FormData(form)].filter(([name]) => !left.has(name));
  const restore = (saved) => {
    const seen = new Map();
    for (const [name, value] of saved) {
      const known = [...fields(name)];
      if (known[0]?.type === "checkbox") {
        for (const box of known) if (box.value === value) box.checked = true;
        continue;
      }
      const number = seen.get(name) ?? 0;
      seen.set(name, number + 1);
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

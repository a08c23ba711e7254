// Remembers the place last asked about, in this browser only. The pages work without it.
(() => {
  const key = "passerelle.place";
  const field = document.querySelector("input[name=place][data-kept]");
  const found = document.querySelector("[data-place]");
  try {
    if (found) localStorage.setItem(key, found.dataset.place);
    if (!field) return;
    if (!field.value && !location.search) field.value = localStorage.getItem(key) || "";
    field.form.addEventListener("submit", () => {
      if (!field.value.trim()) localStorage.removeItem(key);
    });
  } catch {
    // Storage is switched off; the place is typed again.
  }
})();

// An entry was stored: what was typed for it need not be kept any longer.
(() => {
  try {
    const from = new URL(document.referrer);
    const stored = document.querySelector("article.entry") && from.origin === location.origin;
    if (stored && from.pathname.includes("/contribute/")) {
      const form = from.pathname.replace(/(\/contribute\/[^/]+\/[^/]+)\/delete$/, "$1");
      localStorage.removeItem(`passerelle.draft:${form}`);
    }
  } catch {
    // There is no page before this one, or storage is switched off.
  }
})();

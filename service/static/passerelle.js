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

// Offers places while one is typed. The pages work without it: a name that is not plain is asked
// about when the form is sent.
(() => {
  const PAUSE = 150;
  const list = document.createElement("ul");
  list.id = "places-typed";
  list.className = "offered";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  let field = null;
  let timer = 0;
  let asked = 0;

  const options = () => [...list.children];
  const marked = () => options().findIndex((option) => option.ariaSelected === "true");
  const close = () => {
    asked += 1;
    list.hidden = true;
    field?.setAttribute("aria-expanded", "false");
    field?.removeAttribute("aria-activedescendant");
  };
  const mark = (number) => {
    options().forEach((option, at) => option.setAttribute("aria-selected", at === number));
    field.setAttribute("aria-activedescendant", list.children[number].id);
    list.children[number].scrollIntoView({ block: "nearest" });
  };
  const take = (option) => {
    field.value = option.dataset.value;
    close();
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: "taken" }));
  };
  // A town stands before its region, unless that is named after it; all else before its code.
  const label = ({ name, within, kind, territory, entry }) => {
    const town = kind === "municipality" || kind === "settlement";
    const code = kind === "municipality" ? entry.split("/").at(-1) : territory;
    return town && !within.includes(name) ? `${name}, ${within}` : `${name} (${code})`;
  };
  const offer = async () => {
    const number = (asked += 1);
    const q = field.value.trim().slice(0, 200);
    if (!q) return;
    const query = new URLSearchParams({ q, limit: 8, lang: document.documentElement.lang });
    try {
      const answer = await fetch(`${field.dataset.places}?${query}`);
      const { places } = await answer.json();
      if (number !== asked || document.activeElement !== field || !places.length) return;
      list.replaceChildren(
        ...places.map((place, at) => {
          const option = document.createElement("li");
          option.id = `places-typed-${at}`;
          option.dir = "auto";
          option.dataset.value = label(place);
          option.textContent = place.country && place.within ? `${label(place)} · ${place.country}` : label(place);
          option.setAttribute("role", "option");
          option.setAttribute("aria-selected", "false");
          return option;
        }),
      );
      field.after(list);
      list.style.top = `${field.offsetTop + field.offsetHeight}px`;
      list.style.left = `${field.offsetLeft}px`;
      list.style.width = `${field.offsetWidth}px`;
      list.hidden = false;
      field.setAttribute("aria-expanded", "true");
    } catch {
      // Nothing is offered while the service cannot be reached.
    }
  };

  document.addEventListener("focusin", ({ target }) => {
    if (target === field || !target.matches("input[data-places]")) return;
    field = target;
    field.removeAttribute("list");
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", list.id);
    field.setAttribute("aria-expanded", "false");
  });
  document.addEventListener("focusout", ({ target }) => target === field && close());
  document.addEventListener("input", (event) => {
    if (event.target !== field || event.detail === "taken") return;
    clearTimeout(timer);
    close();
    timer = setTimeout(offer, PAUSE);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== field || list.hidden) return;
    const count = list.children.length;
    if (event.key === "ArrowDown") mark((marked() + 1) % count);
    else if (event.key === "ArrowUp") mark((Math.max(marked(), 0) + count - 1) % count);
    else if (event.key === "Enter" && marked() >= 0) take(list.children[marked()]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  // Before the field loses the focus, which would close the list.
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const option = event.target.closest("li");
    if (option) take(option);
  });
})();

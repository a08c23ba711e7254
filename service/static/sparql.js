// Puts the query editor in the place of the plain form.
document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("editor");
  const plain = document.getElementById("plain");
  if (typeof Yasgui === "undefined") return;
  const query = document.getElementById("query").value;
  const endpoint = new URL(place.dataset.endpoint, location.href).href;
  Yasgui.Yasqe.defaults.value = query;
  Yasgui.Yasqe.defaults.editorHeight = "26rem";
  Yasgui.defaults.requestConfig.endpoint = endpoint;
  place.hidden = false;
  plain.hidden = true;
  const editor = new Yasgui(place, {
    requestConfig: { endpoint, method: "POST" },
    endpointCatalogueOptions: { getData: () => [{ endpoint }] },
    populateFromUrl: false,
    autofocus: false,
  });
  const tab = editor.getTab();
  tab.setEndpoint(endpoint);
  if (new URLSearchParams(location.search).has("sample")) tab.setQuery(query);
});

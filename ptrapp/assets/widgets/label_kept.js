// What this browser keeps between visits, and what this tab alone keeps between reloads.

const KEPT = `thrice.label.${new URL(".", document.baseURI).pathname.slice(1)}`; // another app of this host keeps its own

// A browser that refuses storage still labels: the values then live as long as the page.
const shelf = (storage) => {
  const memory = new Map();
  const reach = (work, otherwise) => { try { return work(storage()); } catch { return otherwise; } };
  return {
    read: (name) => {
      if (memory.has(name)) return memory.get(name);
      return reach((store) => JSON.parse(store.getItem(KEPT + name)), null);
    },
    write: (name, value) => {
      memory.delete(name);
      reach((store) => store.setItem(KEPT + name, JSON.stringify(value)), "full") && memory.set(name, value);
    },
    drop: (name) => { memory.delete(name); reach((store) => store.removeItem(KEPT + name)); },
    names: (prefix) => reach((store) => Object.keys(store), [])
      .filter((name) => name.startsWith(KEPT + prefix)).map((name) => name.slice(KEPT.length)),
  };
};

const kept = shelf(() => window.localStorage);
const keptHere = shelf(() => window.sessionStorage);

// A tab's name is on the shelf only while no page has it open: a duplicated tab, which gets a copy
// of the shelf, finds none and takes a new one, so that two tabs are never offered the same pair.
const tabName = () => {
  const name = keptHere.read("tab") ?? freshId();
  keptHere.drop("tab");
  window.addEventListener("pagehide", () => keptHere.write("tab", name));
  window.addEventListener("pageshow", (event) => event.persisted && keptHere.drop("tab"));
  return name;
};

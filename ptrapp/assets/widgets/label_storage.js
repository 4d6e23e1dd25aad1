// Stores values in this browser between visits, or in this tab between reloads.

const PREFIX = `thrice.label.${new URL(".", document.baseURI).pathname.slice(1)}`; // another app of this host keeps its own

// Where a browser refuses storage the values live as long as the page.
const openStorage = (storage) => {
  const memory = new Map();
  const reach = (work, otherwise) => { try { return work(storage()); } catch { return otherwise; } };
  return {
    read: (name) => {
      if (memory.has(name)) return memory.get(name);
      return reach((store) => JSON.parse(store.getItem(PREFIX + name)), null);
    },
    write: (name, value) => {
      memory.delete(name);
      reach((store) => store.setItem(PREFIX + name, JSON.stringify(value)), "full") && memory.set(name, value);
    },
    drop: (name) => { memory.delete(name); reach((store) => store.removeItem(PREFIX + name)); },
    names: (prefix) => reach((store) => Object.keys(store), [])
      .filter((name) => name.startsWith(PREFIX + prefix)).map((name) => name.slice(PREFIX.length)),
  };
};

const saved = openStorage(() => window.localStorage);
const savedInTab = openStorage(() => window.sessionStorage);

// A tab's name is stored only while no page has it open: a duplicated tab, which gets a copy of the
// storage, finds none and takes a new one, so that two tabs are never offered the same pair.
const tabName = () => {
  const name = savedInTab.read("tab") ?? freshId();
  savedInTab.drop("tab");
  window.addEventListener("pagehide", () => savedInTab.write("tab", name));
  window.addEventListener("pageshow", (event) => event.persisted && savedInTab.drop("tab"));
  return name;
};

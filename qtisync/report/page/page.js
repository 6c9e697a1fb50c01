"use strict";
(() => {
  const PAGE = 100;
  const find = (name) => document.getElementById(name);
  const [search, sort, state, count] = ["search", "sort", "state", "count"].map(find);
  const rows = Array.from(document.querySelectorAll("tbody.row"), (node) => ({
    node, text: null, sort: node.dataset.sort, state: node.dataset.state || "", author: node.dataset.author || "",
  }));
  const home = find("objects-groups");
  const byFolder = home ? Array.from(home.children) : [];
  const folderOf = new Map();
  let byAuthor = null;
  let groups = [];

  const collect = () => {
    const known = new Map(rows.map((row) => [row.node, row]));
    groups = Array.from(document.querySelectorAll(".group"), (node) => {
      const members = Array.from(node.querySelector("table.list").tBodies, (one) => known.get(one));
      return { node, rows: members.filter(Boolean), limit: PAGE, more: moreButtons(node),
        number: node.querySelector("h3 .n") };
    });
  };

  const moreButtons = (node) => {
    let box = node.querySelector(".more-box");
    if (!box) {
      box = document.createElement("div");
      box.className = "more-box";
      box.append(button(), button());
      node.append(box);
    }
    return box;
  };
  const button = () => Object.assign(document.createElement("button"), { type: "button", className: "more" });

  const show = (group, wanted) => {
    const found = group.rows.filter(wanted);
    const shown = new Set(found.slice(0, group.limit));
    for (const row of group.rows) {
      const hide = !shown.has(row);
      if (row.node.hidden !== hide) row.node.hidden = hide;
    }
    const rest = found.length - shown.size;
    group.node.hidden = found.length === 0;
    if (group.number) group.number.textContent = number(found.length);
    const [next, all] = group.more.children;
    group.more.hidden = rest === 0;
    next.textContent = `Show ${number(Math.min(PAGE, rest))} more`;
    all.textContent = `Show all ${number(found.length)}`;
    next.onclick = () => reveal(group, group.limit, group.limit + PAGE);
    all.onclick = () => reveal(group, group.limit, Infinity);
    return found.length;
  };
  const reveal = (group, from, limit) => {
    group.limit = limit;
    apply(false);
    const first = group.rows.filter(wantedNow())[from];
    if (first) { first.node.tabIndex = -1; first.node.focus(); }
  };
  const number = (value) => value.toLocaleString("en");

  const wantedNow = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    return (row) => {
      if (sort.value && row.sort !== sort.value) return false;
      if (state.value && row.state !== state.value) return false;
      if (!words.length) return true;
      if (row.text === null) row.text = row.node.textContent.toLowerCase();
      return words.every((word) => row.text.includes(word));
    };
  };

  const apply = (fresh) => {
    const wanted = wantedNow();
    let total = 0;
    for (const group of groups) {
      if (fresh) group.limit = PAGE;
      total += show(group, wanted);
    }
    for (const part of document.querySelectorAll("section.part")) {
      part.hidden = !part.querySelector(".group:not([hidden])");
    }
    count.textContent = `${number(total)} of ${number(rows.length)} shown`;
  };

  const emptied = (table) => {
    const copy = table.cloneNode(false);
    copy.append(...Array.from(table.children).filter((one) => one.tagName !== "TBODY").map((one) => one.cloneNode(true)));
    return copy;
  };

  const regroup = (author) => {
    if (!home) return;
    if (author && !byAuthor) {
      for (const group of byFolder) for (const row of group.querySelectorAll("tbody.row")) folderOf.set(row, group);
      const named = new Map();
      for (const row of folderOf.keys()) {
        const name = row.dataset.author || "nobody named";
        if (!named.has(name)) named.set(name, []);
        named.get(name).push(row);
      }
      byAuthor = Array.from(named.keys()).sort().map((name) => {
        const group = byFolder[0].cloneNode(false);
        group.append(byFolder[0].querySelector("h3").cloneNode(true), emptied(byFolder[0].querySelector("table.list")));
        group.querySelector("h3 .name").textContent = name;
        const caption = group.querySelector("caption");
        if (caption) caption.textContent = name;
        return { group, members: named.get(name) };
      });
    }
    if (author) {
      for (const { group, members } of byAuthor) group.querySelector("table.list").append(...members);
      home.replaceChildren(...byAuthor.map((one) => one.group));
    } else {
      for (const [row, group] of folderOf) group.querySelector("table.list").append(row);
      home.replaceChildren(...byFolder);
    }
    collect();
    apply(true);
  };

  let waiting = 0;
  const soon = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => apply(true));
  };
  document.documentElement.classList.add("scripted");
  search.addEventListener("input", soon);
  sort.addEventListener("change", soon);
  state.addEventListener("change", soon);
  for (const radio of document.querySelectorAll("input[name=group]")) {
    radio.addEventListener("change", () => regroup(radio.value === "author"));
  }
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName || "");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape" && document.activeElement === search) { search.value = ""; soon(); }
  });
  window.addEventListener("beforeprint", () => { for (const group of groups) group.limit = Infinity; apply(false); });
  window.addEventListener("afterprint", () => apply(true));
  collect();
  apply(true);
  document.documentElement.classList.remove("starting");
})();

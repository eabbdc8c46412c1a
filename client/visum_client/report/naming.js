(() => {
  "use strict";
  const section = document.getElementById("tags");
  if (!section) return;
  const MOST_TAGS = 50;
  const LONGEST_TAG = 60;
  const UNWANTED = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;
  const LONGEST_LABEL = 500;
  const { run } = section.dataset;
  const draft = `visum-tags-${run}`;
  const rater = document.getElementById("rater");
  const status = document.getElementById("naming-status");
  const rows = [...document.querySelectorAll(".summary")].map((summary) => ({
    id: summary.dataset.summary,
    title: summary.dataset.group,
    name: summary.querySelector(".naming-name"),
    tags: summary.querySelector(".naming-tags"),
    problem: summary.querySelector(".problem"),
  }));

  const clean = (text) => text.replace(UNWANTED, " ").trim();
  const listed = (text) => [...new Set(text.split(",").map(clean).filter(Boolean))];
  const label = (text) => clean(text).slice(0, LONGEST_LABEL);
  const isNamed = (row) => clean(row.name.value) !== "" || listed(row.tags.value).length > 0;

  const problem = (row) => {
    const tags = listed(row.tags.value);
    if (tags.length > MOST_TAGS) return `At most ${MOST_TAGS} tags, please.`;
    const long = tags.find((tag) => tag.length > LONGEST_TAG);
    return long ? `A tag has at most ${LONGEST_TAG} characters; separate tags by commas.` : "";
  };

  const check = (row) => {
    const text = problem(row);
    row.problem.textContent = text;
    row.tags.setAttribute("aria-invalid", String(text !== ""));
    return text === "";
  };

  // A browser may refuse storage to a page from the disk: then the page forgets at reload, and nothing else.
  const remember = (content) => {
    try {
      localStorage.setItem(draft, JSON.stringify(content));
    } catch {
      return;
    }
  };
  const remembered = () => {
    try {
      return JSON.parse(localStorage.getItem(draft) ?? "null");
    } catch {
      return null;
    }
  };

  const tell = () => {
    const named = rows.filter(isNamed).length;
    status.textContent = named ? `${named} of ${rows.length} summaries named; not downloaded yet.` : "";
  };

  const changed = () => {
    remember({ rater: rater.value, rows: rows.map((row) => [row.name.value, row.tags.value]) });
    tell();
  };

  const fill = (content) => {
    rater.value = content?.rater ?? "";
    rows.forEach((row, index) => {
      [row.name.value, row.tags.value] = content?.rows?.[index] ?? ["", ""];
      check(row);
    });
  };

  const file = () => {
    const summaries = rows.filter(isNamed).map((row) => ({
      id: row.id,
      name: clean(row.name.value),
      tags: listed(row.tags.value),
    }));
    const about = { run, model: label(section.dataset.model), target: label(section.dataset.target) };
    const origin = { rater: clean(rater.value), created: new Date().toISOString() };
    return `${JSON.stringify({ kind: "visum tags", format: 1, ...about, ...origin, summaries }, null, 2)}\n`;
  };

  const download = () => {
    const wrong = rows.find((row) => !check(row));
    if (wrong) {
      wrong.tags.focus();
      return;
    }
    if (!rows.some(isNamed)) {
      status.textContent = "Nothing is named yet.";
      return;
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([file()], { type: "application/json" }));
    const words = [section.dataset.target, clean(rater.value)].map((text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-"));
    link.download = `${["tags", ...words].join("-").replace(/-+/g, "-").replace(/-$/, "").slice(0, 80)}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    status.textContent = `${rows.filter(isNamed).length} of ${rows.length} summaries named; downloaded as ${link.download}.`;
  };

  for (const row of rows) {
    row.name.addEventListener("input", changed);
    row.tags.addEventListener("input", changed);
    row.tags.addEventListener("change", () => check(row));
    row.name.closest(".naming").hidden = false;
  }
  rater.addEventListener("input", changed);
  document.getElementById("download").addEventListener("click", download);
  document.getElementById("clear").addEventListener("click", () => {
    fill(null);
    changed();
    status.textContent = "Cleared.";
  });
  document.querySelector(".handing-in").hidden = false;
  fill(remembered());
  tell();
})();

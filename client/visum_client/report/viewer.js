(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const dialog = document.getElementById("viewer");
  const picture = document.getElementById("viewer-picture");
  const previous = document.getElementById("viewer-previous");
  const next = document.getElementById("viewer-next");
  const parts = [...document.querySelectorAll("a.part")];
  let group = [];
  let position = 0;

  const element = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  const draw = (part) => {
    const view = document.getElementById(`view-${part.dataset.image}`);
    const [x, y, width, height] = part.dataset.box.split(" ");
    picture.setAttribute("viewBox", view.ownerSVGElement.getAttribute("viewBox"));
    const outline = `#outline-${part.dataset.image}`;
    picture.replaceChildren(
      element("use", { href: `#${view.id}` }),
      element("use", { href: outline, class: "outline-casing" }),
      element("use", { href: outline, class: "outline" }),
      element("rect", { x, y, width, height, class: "box-casing" }),
      element("rect", { x, y, width, height, class: "box" }),
    );
  };

  const show = (index) => {
    position = index;
    const part = group[position];
    draw(part);
    const title = part.closest("[data-group]").dataset.group;
    document.getElementById("viewer-title").textContent = `${title}: ${position + 1} of ${group.length}`;
    document.getElementById("viewer-name").textContent = part.dataset.name;
    document.getElementById("viewer-part").textContent = part.dataset.part;
    document.getElementById("viewer-image").textContent = part.dataset.imageFacts;
    previous.disabled = position === 0;
    next.disabled = position === group.length - 1;
  };

  const step = (by) => {
    const index = position + by;
    if (index >= 0 && index < group.length) show(index);
  };

  const open = (part) => {
    group = [...part.closest("[data-group]").querySelectorAll("a.part")];
    show(group.indexOf(part));
    dialog.showModal();
  };

  for (const part of parts) {
    part.setAttribute("aria-haspopup", "dialog");
    part.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(part);
    });
  }
  previous.addEventListener("click", () => step(-1));
  next.addEventListener("click", () => step(1));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(group.length - 1);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("close", () => group[position].focus());
})();

// The image: all pages and pieces below each other, zoomed and turned.

import { ask } from "./api.js";
import { find, make } from "./dom.js";

let shown = { id: null, images: [] };
let zoom = 1;
let turned = 0;

export async function showImages(id) {
  if (shown.id === id) return;
  shown = { id, images: [] };
  zoom = 1;
  turned = 0;
  find("pictures").replaceChildren();
  find("pictures").dataset.other = id ?? "";
  find("image-note").textContent = id ? "…" : "";
  if (!id) return;
  let found;
  try {
    found = await ask(`/api/receipts/${id}/images`, undefined, () => shown.id === id);
  } catch (error) {
    found = { images: [], reason: error.message };
  }
  if (shown.id !== id || !found) return;
  shown.images = found.images;
  const count = found.images.length;
  find("image-note").textContent = count ? (count > 1 ? `${count} pages or pieces` : "") : `No image: ${found.reason}`;
  find("pictures").replaceChildren(
    ...found.images.map((image, at) => make("div", { class: "picture" }, make("img", {
      src: `/api/receipts/${id}/images/${at}`,
      alt: count > 1 ? `page or piece ${at + 1} of ${count}` : "the receipt",
    }))),
  );
  layOut();
}

// What is in the middle stays there.
export const changeZoom = (factor) => {
  const box = find("pictures");
  const wanted = Math.min(6, Math.max(0.25, zoom * factor));
  const middle = { x: box.scrollLeft + box.clientWidth / 2, y: box.scrollTop + box.clientHeight / 2 };
  const grown = wanted / zoom;
  zoom = wanted;
  layOut();
  box.scrollTo(middle.x * grown - box.clientWidth / 2, middle.y * grown - box.clientHeight / 2);
};

export const fit = () => {
  zoom = 1;
  layOut();
};

export const turn = () => {
  turned = (turned + 90) % 360;
  layOut();
};

// By shares of what is in sight.
export function scrollImages(down, right = 0) {
  const box = find("pictures");
  box.scrollBy({ top: down * box.clientHeight, left: right * box.clientWidth });
}

export function layOut() {
  const room = Math.max(120, find("pictures").clientWidth - 24);
  const pictures = find("pictures").children;
  shown.images.forEach((image, at) => {
    const isSideways = turned % 180 !== 0;
    const [across, down] = isSideways ? [image.height, image.width] : [image.width, image.height];
    const width = Math.min(room, across * 1.5, 900) * zoom;
    const height = (width * down) / across;
    const box = pictures[at];
    if (!box) return;
    box.style.width = `${width}px`;
    box.style.height = `${height}px`;
    const img = box.firstChild;
    img.style.width = `${isSideways ? height : width}px`;
    img.style.transform = `translate(-50%, -50%) rotate(${turned}deg)`;
  });
}

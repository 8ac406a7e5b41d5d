// A story that goes on: what has changed of it comes as server-sent events, piece by piece, each with a digest. What is
// open stays open, and what is looked at stays where it is. A tab that nobody sees does not follow.
(() => {
  const box = document.getElementById("following");
  if (!box || !window.EventSource) return;
  const wanted = box.querySelector("input");
  const status = box.querySelector("[role=status]");
  const list = document.getElementById("steps");
  const FOCUSABLE = "summary, a[href], button, [tabindex]";
  let source = null;
  let known = box.dataset.since;
  let news = 0;

  const say = (text) => { if (status.textContent !== text) status.textContent = text; };
  const saidNews = () => say(news ? `${news} new since you opened it` : "");
  const markOf = (piece) => piece?.querySelector(".chip.fresh")?.textContent;

  function whatIn(piece) {
    const what = piece.querySelector(".what").cloneNode(true);
    what.querySelector(".chip.fresh")?.remove();
    return what.textContent.trim();
  }

  function mark(piece, text) {
    const chip = document.createElement("span");
    chip.className = "chip fresh";
    chip.textContent = text;
    piece.classList.add("fresh");
    piece.querySelector(".what").prepend(chip, " ");
    piece.querySelector("summary").addEventListener("click", () => {
      piece.classList.remove("fresh");
      chip.remove();
    }, { once: true });
  }

  // The new one is as the reader has left the old one: open or not, scrolled, and with what has the focus.
  function handOver(old, piece) {
    const focus = [...old.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
    const scrolled = [...old.querySelectorAll("pre, .drawing")].map((each) => [each.scrollTop, each.scrollLeft]);
    const isOpen = old.querySelector("details")?.open;
    return () => {
      if (isOpen) piece.querySelector("details").open = true;
      [...piece.querySelectorAll("pre, .drawing")].forEach((each, place) => {
        if (scrolled[place]) [each.scrollTop, each.scrollLeft] = scrolled[place];
      });
      if (focus >= 0) [...piece.querySelectorAll(FOCUSABLE)][focus]?.focus({ preventScroll: true });
    };
  }

  function putIn(piece) {
    const old = document.getElementById(piece.id);
    if (old && old.dataset.digest === piece.dataset.digest) return;
    const takeOver = old ? handOver(old, piece) : () => {};
    if (!("after" in piece.dataset)) {
      old.replaceWith(piece);
    } else {
      const was = markOf(old);
      if (!old) mark(piece, "new");
      else if (was) mark(piece, was);
      else if (whatIn(old) !== whatIn(piece)) mark(piece, "changed");
      if (!old) news += 1;
      old?.remove();
      const before = document.getElementById(piece.dataset.after);
      if (before) before.after(piece);
      else list.prepend(piece);
    }
    takeOver();
  }

  // What is seen first keeps its place, whatever comes or goes above it.
  function anchor() {
    const pieces = [...document.querySelectorAll("main [data-digest]")];
    const first = pieces.find((each) => each.getBoundingClientRect().bottom > 0);
    return first ? [first.id, first.getBoundingClientRect().top] : null;
  }

  function take(event) {
    known = event.lastEventId;
    const came = document.createElement("template");
    came.innerHTML = event.data;
    const kept = window.scrollY > 0 ? anchor() : null;
    [...came.content.children].forEach(putIn);
    const at = kept && document.getElementById(kept[0]);
    if (at) window.scrollBy(0, at.getBoundingClientRect().top - kept[1]);
    saidNews();
  }

  function begin() {
    if (source || !wanted.checked || document.hidden) return;
    source = new EventSource(`${box.dataset.stream}&since=${known}`);
    source.addEventListener("story", take);
    source.addEventListener("open", saidNews);
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return say("No connection; trying again");
      end();
      wanted.checked = false;
      say("Following has ended: reload the page");
    });
  }

  function end() {
    source?.close();
    source = null;
  }

  wanted.addEventListener("change", () => (wanted.checked ? begin() : end()));
  document.addEventListener("visibilitychange", () => (document.hidden ? end() : begin()));
  window.addEventListener("pagehide", end);
  window.addEventListener("pageshow", begin);
  document.documentElement.classList.add("follows");
  box.hidden = false;
  begin();
})();

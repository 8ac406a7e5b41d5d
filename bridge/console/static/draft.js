// The editor of drafts. Without this script the page does the same by its buttons, but for the suggestions.
//
// Beside the text stand the numbers of its lines; those with a mistake are marked, and under the text stands what is
// wrong with the line that the cursor is in. What is marked is what the list of findings says, which the server writes.

const text = document.getElementById("text");
const editor = document.getElementById("editor");
const findings = document.getElementById("findings");
const said = document.getElementById("at-line");
const form = text.form;
const CHECK_AFTER = 400; // milliseconds without a keystroke
const COMPLETE_AFTER = 60;
const INDENT = "  ";

async function ask(path, body, signal) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": form.elements.csrf.value },
    body: JSON.stringify({ pack: form.elements.pack.value, text: text.value, ...body }),
    signal,
  });
  if (answer.redirected) throw new Error("Your session has ended. Keep the text: copy it, log in, and come back.");
  if (!answer.ok) throw new Error(`The bridge answered ${answer.status}; the draft is not checked.`);
  return answer;
}

// ---- Where the cursor is, and where a line is

function cursor(at = text.selectionStart) {
  const before = text.value.slice(0, at);
  const begin = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, begin, column: [...before.slice(begin)].length + 1 };
}

function goTo(line, column) {
  const lines = text.value.split("\n");
  const number = Math.min(line, lines.length);
  const start = lines.slice(0, number - 1).reduce((length, each) => length + each.length + 1, 0);
  text.focus();
  if (column) text.setSelectionRange(start + column - 1, start + column - 1);
  else text.setSelectionRange(start, start + lines[number - 1].length);
  text.scrollTop = Math.max(0, (number - 5) * lineHeight());
  follow();
}

const lineHeight = () => parseFloat(getComputedStyle(text).lineHeight);

// ---- Numbers and marks beside the text

const gutter = document.createElement("div");
const numbers = document.createElement("div");
const bands = document.createElement("div");
gutter.className = "gutter";
bands.className = "bands";
for (const each of [gutter, bands]) each.setAttribute("aria-hidden", "true"); // the list of findings says it
gutter.append(numbers);
editor.prepend(gutter, bands);
editor.classList.add("has-gutter");

let wrong = new Map(); // from a line to what is wrong with it

function readFindings() {
  wrong = new Map();
  for (const link of findings.querySelectorAll("a[data-line]")) {
    const line = Number(link.dataset.line);
    const words = link.parentElement.querySelector("span").textContent;
    wrong.set(line, [...(wrong.get(line) || []), words]);
  }
  text.setAttribute("aria-invalid", String(wrong.size > 0));
  draw();
}

function draw() {
  const count = text.value.split("\n").length;
  while (numbers.childElementCount > count) numbers.lastChild.remove();
  while (numbers.childElementCount < count) {
    const number = document.createElement("span");
    number.textContent = numbers.childElementCount + 1;
    numbers.append(number);
  }
  for (const each of [...numbers.querySelectorAll(".wrong")]) each.className = "";
  bands.replaceChildren();
  for (const line of wrong.keys()) {
    if (line > count) continue;
    numbers.children[line - 1].className = "wrong";
    const band = document.createElement("i");
    band.dataset.line = line;
    bands.append(band);
  }
  scroll();
  follow();
}

function scroll() {
  numbers.style.transform = `translateY(${-text.scrollTop}px)`;
  const height = lineHeight();
  const top = parseFloat(getComputedStyle(text).paddingTop) + text.clientTop - text.scrollTop;
  for (const band of bands.children) band.style.top = `${top + (band.dataset.line - 1) * height}px`;
}

function follow() {
  const { line } = cursor();
  const here = wrong.get(line);
  const [first] = wrong.keys();
  const elsewhere = first ? `Something is wrong in line ${first}` + (wrong.size > 1 ? ` and in ${wrong.size - 1} more.` : ".") : "";
  say(here ? `Line ${line}: ${here.join("; ")}` : elsewhere, wrong.size > 0);
}

function say(words, isWrong) {
  if (said.textContent !== words) said.textContent = words;
  said.classList.toggle("bad", isWrong);
}

// ---- The checker, while somebody writes: one request at a time, and of what is there when it goes

let due = 0;
let isChecking = false;
let isStale = false;

function checkSoon() {
  clearTimeout(due);
  due = setTimeout(check, CHECK_AFTER);
}

async function check() {
  if (isChecking) {
    isStale = true;
    return;
  }
  isChecking = true;
  isStale = false;
  const asked = text.value;
  try {
    const told = await (await ask(editor.dataset.check, {})).text();
    if (asked === text.value) {
      findings.innerHTML = told;
      readFindings();
    }
  } catch (trouble) {
    say(trouble.message, true);
  } finally {
    isChecking = false;
    if (isStale) check();
  }
}

// ---- Suggestions: a listbox that the text owns; the focus stays in the text

const box = document.createElement("div");
const about = document.createElement("p");
const list = document.createElement("ul");
box.className = "suggestions";
box.hidden = true;
about.id = "suggestions-about";
list.id = "suggestions";
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", "Suggestions");
list.setAttribute("aria-describedby", about.id);
list.tabIndex = -1;
box.append(about, list);
editor.append(box);
for (const [name, value] of [
  ["aria-autocomplete", "list"],
  ["aria-haspopup", "listbox"],
  ["aria-controls", list.id],
  ["aria-describedby", "editor-help at-line"],
]) text.setAttribute(name, value);
document.getElementById("editor-help").hidden = false;

let start = 0; // where in the text that begins which a suggestion takes the place of
let active = -1;
let asking = new AbortController();
let pause = 0;

const isOpen = () => !box.hidden;

function completeSoon(explicit) {
  clearTimeout(pause);
  pause = setTimeout(() => complete(explicit), explicit ? 0 : COMPLETE_AFTER);
}

async function complete(explicit) {
  asking.abort();
  asking = new AbortController();
  const at = text.selectionStart;
  const { line, column, begin } = cursor(at);
  try {
    const told = await (await ask(editor.dataset.complete, { line, column }, asking.signal)).json();
    if (at !== text.selectionStart || document.activeElement !== text) return;
    const written = [...text.value.slice(begin, at)].slice(told.start - 1).join("");
    start = at - written.length;
    show(told, written, explicit);
  } catch (trouble) {
    if (trouble.name !== "AbortError") close();
  }
}

function show(told, written, explicit) {
  const exact = told.suggestions.some((each) => each.label === written);
  if (told.suggestions.length === 0 || (exact && told.suggestions.length === 1)) {
    close();
    return;
  }
  about.replaceChildren(...inWords(told.about));
  about.hidden = !told.about;
  list.replaceChildren(...told.suggestions.map((each, number) => option(each, number)));
  box.hidden = false;
  place();
  // What is complete already, or was only offered, is not taken by an Enter that was meant for a new line.
  choose(explicit || (written && !exact) ? 0 : -1);
}

function option(each, number) {
  const item = document.createElement("li");
  item.id = `suggestion-${number}`;
  item.setAttribute("role", "option");
  item.dataset.insert = each.insert;
  const label = document.createElement("b");
  const words = document.createElement("small");
  label.textContent = each.label;
  words.append(...inWords(each.about));
  item.append(label, " ", words);
  return item;
}

// What stands between backticks in a description is code.
function inWords(words) {
  return words.split("`").map((part, number) => {
    const node = document.createElement(number % 2 ? "code" : "span");
    node.textContent = part;
    return node;
  });
}

function choose(number) {
  const count = list.childElementCount;
  active = number < 0 ? -1 : number % count;
  [...list.children].forEach((item, each) => item.setAttribute("aria-selected", String(each === active)));
  if (active < 0) {
    text.removeAttribute("aria-activedescendant");
    return;
  }
  text.setAttribute("aria-activedescendant", list.children[active].id);
  list.children[active].scrollIntoView({ block: "nearest" });
}

function close() {
  clearTimeout(pause);
  asking.abort();
  box.hidden = true;
  active = -1;
  list.replaceChildren();
  text.removeAttribute("aria-activedescendant");
}

function take(item) {
  const insert = item.dataset.insert;
  close();
  text.focus();
  text.setSelectionRange(start, text.selectionEnd);
  put(insert);
}

// By this the browser can undo it; where it is not known any more, the text is put in all the same.
function put(words) {
  if (!document.execCommand("insertText", false, words)) {
    text.setRangeText(words, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new InputEvent("input"));
  }
}

const canvas = document.createElement("canvas").getContext("2d");

function place() {
  const style = getComputedStyle(text);
  const { line, begin } = cursor(start);
  canvas.font = `${style.fontSize} ${style.fontFamily}`;
  const before = text.value.slice(begin, start).replaceAll("\t", INDENT);
  const left = text.offsetLeft + text.clientLeft + parseFloat(style.paddingLeft) + canvas.measureText(before).width - text.scrollLeft;
  const top = text.clientTop + parseFloat(style.paddingTop) + (line - 1) * lineHeight() - text.scrollTop;
  box.style.left = `${Math.max(0, Math.min(left, editor.clientWidth - box.offsetWidth))}px`;
  const below = top + lineHeight() + 2;
  const room = innerHeight - editor.getBoundingClientRect().top;
  const above = top - box.offsetHeight - 2;
  box.style.top = `${below + box.offsetHeight > room && editor.getBoundingClientRect().top + above > 0 ? above : below}px`;
}

// ---- Keys

function onKey(event) {
  if (event.isComposing) return;
  if (event.ctrlKey && event.code === "Space") {
    event.preventDefault();
    completeSoon(true);
    return;
  }
  if (isOpen() && onKeyOfList(event)) {
    event.preventDefault();
    return;
  }
  if (["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"].includes(event.key)) close();
  if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    close();
    const { begin } = cursor();
    const [, blanks, dash, rest] = text.value.slice(begin, text.selectionStart).match(/^( *)(- )?(.*)$/);
    put(`\n${blanks}${dash ? INDENT : ""}${/:\s*$/.test(rest) ? INDENT : ""}`);
  }
}

function onKeyOfList(event) {
  const count = list.childElementCount;
  if (event.key === "ArrowDown") choose(active + 1);
  else if (event.key === "ArrowUp") choose(active > 0 ? active - 1 : count - 1);
  else if (event.key === "Escape") close();
  else if ((event.key === "Enter" || event.key === "Tab") && active >= 0 && !event.shiftKey) take(list.children[active]);
  else return false;
  return true;
}

function onInput(event) {
  if (numbers.childElementCount !== text.value.split("\n").length) {
    wrong = new Map(); // the lines are others now, and the checker is asked
  }
  draw();
  checkSoon();
  const begun = /[\w.$]$|: $|[[{,] ?$/.test(text.value.slice(0, text.selectionStart));
  if (event.inputType !== "insertLineBreak" && begun) completeSoon(false);
  else close();
}

text.addEventListener("keydown", onKey);
text.addEventListener("input", onInput);
text.addEventListener("scroll", () => {
  scroll();
  if (isOpen()) place();
});
text.addEventListener("click", close);
text.addEventListener("blur", close);
document.addEventListener("selectionchange", () => {
  if (document.activeElement === text) follow();
});
list.addEventListener("mousedown", (event) => {
  event.preventDefault(); // the focus stays in the text
  const item = event.target.closest("li");
  if (item) take(item);
});
findings.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-line]");
  if (!link) return;
  event.preventDefault();
  goTo(Number(link.dataset.line));
});
numbers.addEventListener("click", (event) => {
  const number = Number(event.target.textContent);
  if (number) goTo(number, 1);
});
readFindings();

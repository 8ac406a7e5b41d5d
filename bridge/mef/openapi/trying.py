"""Tries an operation from its page: those that only read, for whoever has a key. The one script of the pages.

It is served from the bridge itself, and asks nobody else; without it the pages say all that they say. The key is kept
nowhere but in its field.
"""

from typing import Final

SCRIPT: Final = """'use strict';
(() => {
  const sections = document.querySelectorAll('section[data-get]');
  const place = document.getElementById('security');
  if (!sections.length || !place) return;
  const make = (tag, given, ...inside) => {
    const made = Object.assign(document.createElement(tag), given);
    made.append(...inside);
    return made;
  };
  const key = make('input', {type: 'password', autocomplete: 'off', id: 'try-key', size: 44});
  const label = make('label', {htmlFor: 'try-key'}, 'Your key or token, to try what only reads: ');
  place.after(make('p', {className: 'try'}, label, key));

  const field = (name, needed) => {
    const input = make('input', {name, required: needed, placeholder: needed ? 'required' : ''});
    return make('label', {}, make('code', {}, name), ' ', input);
  };

  const send = async (section, form, shown) => {
    const given = new FormData(form);
    const path = section.dataset.get.replace(/{(\\w+)}/g, (_, name) => encodeURIComponent(given.get(name)));
    const url = new URL('.' + path, location.href);
    for (const [name, value] of given) {
      if (value && !section.dataset.get.includes('{' + name + '}')) url.searchParams.set(name, value);
    }
    const asked = 'GET ' + url.pathname + url.search + '\\n';
    shown.hidden = false;
    shown.textContent = asked + '…';
    try {
      const answer = await fetch(url, {headers: {Authorization: 'Bearer ' + key.value}});
      const text = await answer.text();
      let body = text;
      try { body = JSON.stringify(JSON.parse(text), null, 2); } catch (_) { /* as it is */ }
      shown.textContent = asked + answer.status + ' ' + answer.statusText + '\\n\\n' + body;
    } catch (failure) {
      shown.textContent = String(failure);
    }
  };

  for (const section of sections) {
    const names = section.dataset.asks ? section.dataset.asks.split(' ') : [];
    const shown = make('pre', {hidden: true, tabIndex: 0});
    shown.setAttribute('aria-live', 'polite');
    const fields = names.map((name) => field(name, section.dataset.get.includes('{' + name + '}')));
    const form = make('form', {className: 'try'}, ...fields, make('button', {}, 'Try it'));
    form.addEventListener('submit', (event) => { event.preventDefault(); send(section, form, shown); });
    section.append(make('details', {}, make('summary', {}, 'Try it'), form, shown));
  }
})();
"""

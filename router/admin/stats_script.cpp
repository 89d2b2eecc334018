#include "router/admin/stats_parts.hpp"

namespace roomgate::router::admin {

// Renews the live parts in place, and sends what an operator has confirmed. The token is kept for this tab
// only, and sent by hand in a header: there is nothing that another site could make the browser send.
constexpr std::string_view kStatsScript = R"js(
'use strict';
const at = (id) => document.getElementById(id);
const every = 5000;

// --- the page renews itself
const selecting = () => String(getSelection()) !== '';
const busy = () => document.hidden || at('confirm').open || selecting();

function replace(old, fresh) {
  if (old.innerHTML === fresh.innerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute('aria-label') : null;
  const scrolled = [...old.querySelectorAll('.wide')].map((each) => each.scrollLeft);
  old.replaceChildren(...document.adoptNode(fresh).childNodes);
  old.querySelectorAll('.wide').forEach((each, i) => { each.scrollLeft = scrolled[i] ?? 0; });
  if (focused !== null) [...old.querySelectorAll('[aria-label]')].find((each) => each.getAttribute('aria-label') === focused)?.focus({ preventScroll: true });
}

async function renew() {
  if (busy()) {
    if (selecting()) at('live').textContent = 'waits while text is selected';
    return;
  }
  try {
    const answer = await fetch(location.pathname + location.search, { cache: 'no-store', signal: AbortSignal.timeout(8000) });
    if (!answer.ok) throw new Error(answer.status);
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (busy()) return;
    for (const fresh of next.querySelectorAll('[data-live]')) replace(at(fresh.id), fresh);
    document.title = next.title;
    at('live').className = 'quiet on';
    at('live').textContent = `live, ${new Date().toLocaleTimeString()}`;
  } catch {
    at('live').className = 'off';
    at('live').textContent = 'no answer from the gate: what stands here is old';
  }
}

async function keepRenewing() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, every));
    await renew();
  }
}

// --- an operator's token and buttons
const key = 'roomgate operator token';
let telling;

function tell(text) {
  at('told').textContent = text;
  at('told').hidden = false;
  clearTimeout(telling);
  telling = setTimeout(() => { at('told').hidden = true; }, 6000);
}

const ask = (path, options = {}) => fetch(path, { ...options, cache: 'no-store', headers: { Authorization: `Bearer ${sessionStorage.getItem(key)}` }, signal: AbortSignal.timeout(8000) });

function allow(allowed) {
  if (!allowed) sessionStorage.removeItem(key);
  document.body.classList.toggle('allowed', allowed);
  at('operator').hidden = allowed;
  at('signed').hidden = !allowed;
}

async function enter(token) {
  sessionStorage.setItem(key, token);
  try {
    const status = await (await ask('/api/v1/status')).json();
    allow(status.may_change === true);
    if (status.may_change !== true) tell('That is not the token.');
  } catch {
    allow(false);
    tell('No answer from the gate.');
  }
}

function confirmed({ shard, state, rooms, tunnels }) {
  const drains = state === 'drain';
  at('question').textContent = drains ? `Drain ${shard}?` : `Make ${shard} ready?`;
  at('consequence').textContent = drains ? `It gets no new rooms. ${rooms} rooms with ${tunnels} tunnels are on it now.` : 'It gets new rooms again.';
  at('until').hidden = !drains;
  at('deadline').value = '';
  at('yes').textContent = drains ? 'Drain' : 'Make ready';
  const dialog = at('confirm');
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }));
}

async function change(button) {
  const { shard, state } = button.dataset;
  if (!await confirmed(button.dataset)) return;
  const body = { state };
  if (state === 'drain' && at('deadline').value !== '') body.deadline = at('deadline').value;
  try {
    const answer = await ask(`/api/v1/shards/${encodeURIComponent(shard)}/state`, { method: 'POST', body: JSON.stringify(body) });
    const said = await answer.json();
    if (answer.status === 403) allow(false);
    tell(answer.ok ? `${shard}: ${state}` : `Refused: ${said.error}`);
  } catch {
    tell('No answer from the gate: whether it was done is not known.');
  }
  await renew();
}

if (at('operator') !== null) {
  const kept = sessionStorage.getItem(key);
  if (kept === null) allow(false);
  else enter(kept);
  at('operator').addEventListener('submit', (event) => {
    event.preventDefault();
    enter(at('token').value);
    at('token').value = '';
  });
  at('leave').addEventListener('click', () => allow(false));
  at('shards').addEventListener('click', (event) => {
    const button = event.target.closest('button[data-shard]');
    if (button !== null) change(button);
  });
}
renew().then(keepRenewing);
)js";

}  // namespace roomgate::router::admin

// What a person does in a meeting, by the names that the page gives to its buttons and fields.

/** Writes to everybody. */
export async function say(page, text) {
  if (!(await page.getByRole('textbox', { name: 'Message to everyone' }).isVisible())) {
    await page.getByRole('button', { name: /^Chat/ }).click();
  }
  await page.getByRole('textbox', { name: 'Message to everyone' }).fill(text);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

/** Opens the list of people, where it is not open. */
export async function showPeople(page) {
  const button = page.getByRole('button', { name: /^People \d/ });
  if ((await button.getAttribute('aria-expanded')) !== 'true') await button.click();
}

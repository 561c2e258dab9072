// The “34 / 120” of a field follows what is typed; the server counts again.
document.addEventListener("input", ({ target }) => {
  const count = target.closest(".field")?.querySelector(".count");
  if (!count) return;
  const most = Number(count.textContent.split("/")[1]);
  const length = [...target.value].length;
  count.textContent = `${length} / ${most}`;
  count.classList.toggle("count-over", length > most);
});

// Theme, keys, and what happens on the stage without asking the server.
// Some browsers keep nothing, and refuse to be asked (private windows, pages inside others): there it
// is kept for as long as the page is open. gradio asks too.
try {
  localStorage.getItem("");
} catch {
  const kept = new Map();
  Object.defineProperty(window, "localStorage", {
    value: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, String(value)),
      removeItem: (key) => kept.delete(key),
    },
  });
}

window.perflow = (() => {
  const STORED = "perflow-theme";

  const visible = (selector) =>
    [...document.querySelectorAll(selector)].find((node) => node.offsetParent !== null);

  // ---- light and dark -------------------------------------------------------------------------
  const isDark = () => {
    const chosen = localStorage.getItem(STORED);
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const paint = () => {
    if (document.body.classList.contains("dark") !== isDark())
      document.body.classList.toggle("dark", isDark());
  };
  const switchTheme = () => {
    localStorage.setItem(STORED, isDark() ? "light" : "dark");
    paint();
  };

  // ---- keys -----------------------------------------------------------------------------------
  const onKey = (event) => {
    if (event.key === "Escape") {
      const stop = visible(".stop");
      if (stop) {
        stop.click();
        event.preventDefault();
      }
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      const prompt = visible(".prompt textarea");
      if (prompt) {
        prompt.focus();
        prompt.select();
        event.preventDefault();
      }
    }
  };
  const busy = () => Boolean(visible(".stop"));
  const generate = () => visible(".generate")?.click();
  // So that Enter draws; not where that would bring a keyboard onto the screen.
  const focusPrompt = () => {
    if (matchMedia("(hover: hover)").matches) visible(".prompt textarea")?.focus();
  };
  // On a narrow page gradio keeps some tabs as buttons in a menu.
  const open = (title) => {
    [...document.querySelectorAll("[role=tab], #tasks .overflow-dropdown button")]
      .find((tab) => tab.textContent.trim() === title)
      ?.click();
    setTimeout(focusPrompt, 100);
  };

  // ---- the stage ------------------------------------------------------------------------------
  // Of several pictures one can be picked: it fills the square; picked again, all are back.
  const pick = (button) => {
    const stage = button.closest(".stage");
    const picked = button.getAttribute("aria-pressed") !== "true";
    stage.querySelectorAll(".pick").forEach((other) => {
      other.setAttribute("aria-pressed", String(picked && other === button));
      other.hidden = picked && other !== button;
    });
    stage.querySelector(".grid").classList.toggle("single", picked);
    const shown = picked ? button.dataset.pick : "all";
    stage.querySelectorAll(".card").forEach((card) => {
      card.hidden = card.dataset.card !== shown;
    });
  };
  const peek = (frame, shown) => {
    const large = frame.closest(".stage").querySelector(".peek");
    large.src = frame.querySelector("img").src;
    large.hidden = !shown;
  };
  const onPeek = (shown) => (event) => {
    const frame = event.target.closest?.("[data-peek]");
    if (frame) peek(frame, shown);
  };

  // ---- an object turned through its views ------------------------------------------------------
  const turn = (slider) => {
    const stage = slider.closest(".stage");
    const page = stage.querySelectorAll("[data-domain=colours] img")[slider.value];
    const large = stage.querySelector(".turned");
    large.src = page.src;
    large.alt = page.alt;
    slider.setAttribute("aria-valuetext", page.alt);
  };

  // ---- before and after: gradio's handle knows the mouse alone ----------------------------------
  const HANDLE = ".compare [data-testid=slider]";
  const within = (share) => Math.min(1, Math.max(0, share));
  // The picture as it lies in the frame, which is wider or higher.
  const spread = (handle) => {
    const frame = handle.parentElement.getBoundingClientRect();
    const picture = handle.parentElement.querySelector("img");
    const shape = picture.naturalWidth / picture.naturalHeight || 1;
    const width = Math.min(frame.width, frame.height * shape);
    return { left: frame.left + (frame.width - width) / 2, width };
  };
  const share = (handle) => {
    const { left, width } = spread(handle);
    const moved = new DOMMatrix(getComputedStyle(handle).transform).e;
    const at = handle.parentElement.getBoundingClientRect().left + moved;
    return within((at - left) / width);
  };
  const tellShare = (handle) => {
    const percent = Math.round(100 * share(handle));
    handle.setAttribute("aria-valuenow", percent);
    handle.setAttribute("aria-valuetext", `${percent} % of it as it was before`);
  };
  const nameHandles = () => {
    document.querySelectorAll(`${HANDLE}:not([tabindex])`).forEach((handle) => {
      const named = { tabindex: 0, role: "slider", "aria-label": "Before and after" };
      const bounds = { "aria-valuemin": 0, "aria-valuemax": 100 };
      for (const [name, value] of Object.entries({ ...named, ...bounds }))
        handle.setAttribute(name, value);
      tellShare(handle);
    });
  };
  const KEYS = {
    ArrowLeft: (now) => now - 0.05,
    ArrowRight: (now) => now + 0.05,
    Home: () => 0,
    End: () => 1,
  };
  const onHandleKey = (event) => {
    const handle = event.target.closest?.(HANDLE);
    const moved = handle && KEYS[event.key]?.(share(handle));
    if (moved == null) return;
    event.preventDefault();
    const { left, width } = spread(handle);
    const clientX = left + width * within(moved);
    const press = { bubbles: true, cancelable: true, view: window, clientX };
    handle.dispatchEvent(new MouseEvent("mousedown", press));
    handle.dispatchEvent(new MouseEvent("mouseup", press));
    requestAnimationFrame(() => tellShare(handle));
  };

  // ---- the last results: all the browser's tabs keep them in one place ---------------------------
  const remembered = (key) => {
    try {
      const entries = JSON.parse(localStorage.getItem(key));
      return Array.isArray(entries) ? entries : [];
    } catch {
      return [];
    }
  };
  const remember = (key, latest, length) => {
    const entries = [...latest, ...remembered(key)].slice(0, length);
    if (latest.length) localStorage.setItem(key, JSON.stringify(entries));
    return entries;
  };
  const forget = (key) => {
    localStorage.removeItem(key);
    return "";
  };

  // ---- the place in the queue, which gradio tells in its own shorthand -------------------------
  const tellPlace = () => {
    document.querySelectorAll(".block.place").forEach((box) => {
      const told = box.querySelector(".progress-text")?.textContent ?? "";
      const place = told.match(/queue:\s*(\d+)/)?.[1];
      const next = place === "1" ? "You are next in line" : `You are number ${place} in line`;
      const words = place ? next : "";
      const text = box.querySelector("[role=status]");
      if (text && text.textContent !== words) text.textContent = words;
    });
  };

  // ---- a picture dropped or pasted anywhere -----------------------------------------------------
  const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
  // Where a picture is asked for it is taken as one, elsewhere for the settings in it; a mesh has
  // settings alone.
  const taker = (mesh) => (!mesh && visible(".given")) || visible(".reader")?.parentElement;
  const onDrag = (over) => (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    document.body.toggleAttribute("data-dropping", over && Boolean(taker()));
  };
  const take = (input, files) => {
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const onDrop = (event) => {
    onDrag(false)(event);
    const mesh = /\.glb$/i.test(event.dataTransfer?.files[0]?.name ?? "");
    const input = taker(mesh)?.querySelector("input[type=file]");
    if (carriesFile(event) && input) take(input, event.dataTransfer.files);
  };
  const onPaste = (event) => {
    const carried = event.clipboardData;
    const input = taker()?.querySelector("input[type=file]");
    // Words that were copied with a picture of them are pasted as words.
    if (!input || !carried?.files.length || carried.types.includes("text/plain")) return;
    event.preventDefault();
    take(input, carried.files);
  };

  // gradio runs the head's scripts when the body is there, and sets the theme itself thereafter.
  paint();
  new MutationObserver(paint).observe(document.body, { attributeFilter: ["class"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  const onChange = () => {
    tellPlace();
    nameHandles();
  };
  new MutationObserver(onChange).observe(document.body, {
    childList: true,
    characterData: true,
    subtree: true,
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("keydown", onHandleKey);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-theme-switch]")) switchTheme();
    const button = event.target.closest?.("[data-pick]");
    if (button) pick(button);
    // It gives way to Stop, and would take the focus with it.
    if (event.target.closest?.(".generate")) focusPrompt();
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-turn]")) turn(event.target);
  });
  document.addEventListener("pointerover", onPeek(true));
  document.addEventListener("pointerout", onPeek(false));
  document.addEventListener("focusin", onPeek(true));
  document.addEventListener("focusout", onPeek(false));
  document.addEventListener("dragover", onDrag(true));
  document.addEventListener("dragleave", onDrag(false));
  document.addEventListener("drop", onDrop);
  document.addEventListener("paste", onPaste);
  return { busy, generate, open, focusPrompt, remembered, remember, forget };
})();

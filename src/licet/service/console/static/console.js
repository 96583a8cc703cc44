// What no answer of the service can say: that there is none. The next answer takes it away again.
"use strict";
for (const event of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(event, () => {
    const told = "The service does not answer. What is shown is as old as it says.";
    const place = document.getElementById("problem");
    if (place.textContent !== told) {
      place.replaceChildren(Object.assign(document.createElement("p"), { className: "problem", textContent: told }));
    }
  });
}

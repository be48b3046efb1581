// Counts the seconds down and shows the page anew when they are over; everything else works without this.
"use strict";
const clock = document.querySelector(".clock");
if (clock) {
  const left = clock.querySelector(".left");
  const end = performance.now() + Number(left.textContent) * 1000;
  const timer = setInterval(() => {
    const seconds = Math.ceil((end - performance.now()) / 1000);
    left.textContent = String(Math.max(0, seconds));
    if (seconds <= 0) {
      clearInterval(timer);
      location.reload();
    }
  }, 500);
}

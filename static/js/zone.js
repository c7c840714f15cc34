// Tells the server the reader's time zone, so that pages show times in it.
import { below } from "./trusted.js";

export function start() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const cookie = "zone=" + zone;
  if (!zone || document.cookie.split("; ").includes(cookie)) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = cookie + "; Path=" + (below("") || "/") + "; SameSite=Lax; Max-Age=31536000" + secure;
}

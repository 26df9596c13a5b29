// What every page has.
import "./htmx";
import "htmx-ext-sse";
import { followChoices, switchThemes } from "./choices";
import { holdEvents } from "./events";
import { followLiveness } from "./liveness";
import { followPalette } from "./palette";
import { followTimes } from "./times";

followTimes();
followLiveness();
switchThemes();
followChoices();
followPalette();
holdEvents();

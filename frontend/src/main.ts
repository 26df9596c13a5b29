// What every page has.
import htmx from "./htmx";
import "htmx-ext-sse";
import { closeWhileAway } from "./away";
import { followChoices, switchThemes } from "./choices";
import { holdEvents } from "./events";
import { followLiveness } from "./liveness";
import { followPalette } from "./palette";
import { followTimes } from "./times";

closeWhileAway(htmx);
followTimes();
followLiveness();
switchThemes();
followChoices();
followPalette();
holdEvents();

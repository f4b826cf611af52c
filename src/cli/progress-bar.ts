// The library that draws bars, loaded on a terminal only. The build puts its code in this file's place.

export { SingleBar } from "cli-progress";

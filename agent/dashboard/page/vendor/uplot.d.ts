/** The browser loads uPlot from the server as a file of this name; it is npm's. */
export { default } from "uplot";

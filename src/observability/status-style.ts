/** The one style sheet of the status page, which its Content-Security-Policy allows by its hash. */
export const STATUS_STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --text: #1c1e21; --quiet: #575c63; --line: #dcdedf; --strip: #f1f2f1; --link: #1b57a8;
  --good: #17652f; --bad: #ad211a; --warn: #7d4b00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #141619; --text: #e3e5e8; --quiet: #a3a9b1; --line: #31353a; --strip: #1d2024; --link: #8ab8f5;
    --good: #74d092; --bad: #ff938a; --warn: #efb95c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.25rem 1.5rem 3rem; max-width: 76rem; background: var(--page); color: var(--text);
  font: 0.875rem/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: 1.25rem; font-weight: 600; }
h2 { margin: 2rem 0 0.4rem; font-size: 1rem; font-weight: 600; }
p { margin: 0.25rem 0; }
a { color: var(--link); }
header p:first-of-type { font-size: 1rem; }
.good { color: var(--good); }
.bad { color: var(--bad); font-weight: 600; }
.warn { color: var(--warn); font-weight: 600; }
.quiet { color: var(--quiet); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 0.6rem 1.5rem; margin: 1rem 0 0;
  padding: 0.75rem 0; border: solid var(--line); border-width: 1px 0; }
dt { color: var(--quiet); }
dd { margin: 0; }
table { width: 100%; border-collapse: collapse; }
caption { padding: 0 0 0.4rem; color: var(--quiet); text-align: left; }
th, td { padding: 0.4rem 1rem 0.4rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-top: 0; color: var(--quiet); white-space: nowrap; }
tbody th { font-weight: 600; min-width: 9.5rem; }
time, .short { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
code { font: 0.8125rem/1.45 ui-monospace, monospace; }
.cell > * { display: block; }
@media (max-width: 46rem) {
  body { padding: 1rem 1rem 2rem; }
  dl { grid-template-columns: repeat(2, 1fr); }
  table, caption, tbody, tr { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { padding: 0.5rem 0; border-top: 1px solid var(--line); }
  th, td { display: grid; grid-template-columns: 7rem 1fr; padding: 0.1rem 0; border: 0; white-space: normal; }
  tbody th { display: block; }
  td::before { content: attr(data-label); color: var(--quiet); }
  .number { text-align: left; white-space: normal; }
}
`

"""How the pages look; light and dark, as the reader's system has it."""

from typing import Final

STYLE: Final = """
:root{--ink:#1d2433;--soft:#5b6577;--line:#dfe3ea;--paper:#fff;--side:#f6f7f9;--link:#0b57b7;--code:#f0f2f6;
--get:#0b6e4f;--post:#0b57b7;--patch:#9a5b00;--delete:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ef;--soft:#9aa5b8;--line:#2f3746;--paper:#12161e;--side:#181d27;
--link:#7db4ff;--code:#212836;--get:#4cc39a;--post:#7db4ff;--patch:#e0a458;--delete:#ff8f85}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:1rem}
body{margin:0;display:grid;grid-template-columns:21rem minmax(0,1fr);color:var(--ink);background:var(--paper);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1.5rem 1rem;background:var(--side);
border-right:1px solid var(--line);font-size:.85rem}
nav ul{list-style:none;margin:.4rem 0 1.4rem;padding:0}
nav li a{display:block;padding:.22rem .4rem;border-radius:.3rem;color:inherit}
nav li a:hover{background:var(--code);text-decoration:none}
nav li code{background:none;padding:0}
nav .home{font-weight:650;font-size:.95rem;color:inherit;padding-left:.4rem}
main{padding:2.2rem clamp(1rem,4vw,3.5rem) 6rem;max-width:72rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .6rem}
h2{margin:3rem 0 .4rem;font-size:1.35rem;border-bottom:2px solid var(--line);padding-bottom:.3rem}
h3{margin:0 0 .5rem;font-size:1.2rem}
h4{margin:1.3rem 0 .3rem;font-size:.8rem;text-transform:uppercase;letter-spacing:.06em;color:var(--soft)}
p{margin:.35rem 0}
a{color:var(--link);text-decoration:none}
main :is(p,li,td) a,a:hover{text-decoration:underline}
section{padding:1.4rem 0;border-bottom:1px solid var(--line)}
code,pre{font:.88em/1.5 ui-monospace,SFMono-Regular,"Liberation Mono",Menlo,monospace}
code{background:var(--code);padding:.08rem .3rem;border-radius:.25rem}
h3 code{background:none;padding:0}
.base code{display:inline-block;padding:.5rem .8rem;font-size:.95em;overflow-wrap:anywhere}
.summary{font-weight:600}
.method{display:inline-block;min-width:3.7rem;padding:.1rem .35rem;border-radius:.25rem;color:var(--paper);
text-align:center;font-size:.7rem;font-weight:700;letter-spacing:.03em;vertical-align:.1em;background:var(--soft)}
.get{background:var(--get)}.post{background:var(--post)}.patch{background:var(--patch)}.delete{background:var(--delete)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th{text-align:left;font-weight:600;color:var(--soft);padding:.3rem .9rem .3rem 0;border-bottom:1px solid var(--line)}
td{vertical-align:top;padding:.4rem .9rem .4rem 0;border-bottom:1px solid var(--line)}
tr:last-child td{border-bottom:0}
td:first-child code{white-space:nowrap}
small{color:var(--soft)}
.required{margin-left:.45rem;font-size:.72rem;color:var(--delete)}
.value{display:inline-block;margin:0 .15rem .15rem 0}
.status{font-variant-numeric:tabular-nums}.s2{color:var(--get)}.s4{color:var(--patch)}.s5{color:var(--delete)}
details{margin:.7rem 0}
summary{cursor:pointer;color:var(--link);font-size:.9rem}
pre{margin:.5rem 0 0;padding:.9rem 1rem;background:var(--code);border-radius:.4rem;overflow-x:auto}
.try label{display:block;margin:.25rem 0}.try input{font:inherit;padding:.2rem .4rem;border:1px solid var(--line);
border-radius:.3rem;background:var(--paper);color:inherit;max-width:100%}
.try button{font:inherit;margin-top:.5rem;padding:.3rem .9rem;border:0;border-radius:.3rem;background:var(--get);
color:var(--paper)}
@media(max-width:60rem){body{display:block}nav{position:static;height:auto;max-height:45vh;border-right:0;
border-bottom:1px solid var(--line)}}
@media print{nav{display:none}body{display:block}}
"""

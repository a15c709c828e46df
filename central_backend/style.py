"""The style sheet of the operators' pages; they load nothing from elsewhere."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{--ink:#1c2430;--quiet:#5b6676;--line:#dfe4ea;--paper:#fff;--ground:#f4f6f8;
--brand:#1b4f9c;--good:#1c7a3d;--goodbg:#e6f4ea;--warn:#8a5a00;--warnbg:#fff3d6;
--bad:#a92020;--badbg:#fde8e8;--calm:#2b5797;--calmbg:#e7effa}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.55 "Noto Sans CJK SC","WenQuanYi Micro Hei",system-ui,sans-serif}
a{color:var(--brand);text-decoration:none}a:hover{text-decoration:underline}
:focus-visible{outline:3px solid #7aa7e8;outline-offset:2px;border-radius:4px}
header{background:var(--paper);border-bottom:1px solid var(--line);padding:0 1.5rem}
header>div{max-width:78rem;margin:0 auto;display:flex;align-items:center;gap:1.75rem;
min-height:3.5rem}
header strong{font-size:1.05rem;white-space:nowrap}
nav{display:flex;gap:.25rem;flex:1}
nav a{padding:.4rem .8rem;border-radius:6px;color:var(--quiet)}
nav a.here{background:var(--calmbg);color:var(--brand);font-weight:600}
nav a:hover{text-decoration:none;background:var(--ground)}
header form{display:flex;align-items:center;gap:.75rem;margin:0;color:var(--quiet)}
main{max-width:78rem;margin:1.5rem auto 4rem;padding:0 1.5rem}
h1{font-size:1.4rem;margin:0 0 1rem;font-weight:600}
h2{font-size:1.02rem;margin:0 0 .75rem;font-weight:600}
.card{background:var(--paper);border:1px solid var(--line);border-radius:10px;
padding:1.1rem 1.25rem;margin:0 0 1.25rem;overflow-x:auto}
.split{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:1.25rem;
align-items:start}
@media(max-width:62rem){.split{grid-template-columns:1fr}}
table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:500;color:var(--quiet);font-size:.86rem;white-space:nowrap}
th,td{padding:.5rem .9rem .5rem 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child>td{border-bottom:0}
td.n,th.n{text-align:right;padding-right:2.2rem;font-variant-numeric:tabular-nums}
td.w{white-space:nowrap}
code{font:.93em ui-monospace,"DejaVu Sans Mono",monospace}
.chip{display:inline-block;padding:.08rem .6rem;border-radius:99px;font-size:.86rem;
white-space:nowrap;background:var(--calmbg);color:var(--calm)}
.chip.good{background:var(--goodbg);color:var(--good)}
.chip.warn{background:var(--warnbg);color:var(--warn)}
.chip.bad{background:var(--badbg);color:var(--bad)}
.chip.off{background:#eceff3;color:var(--quiet)}
.quiet{color:var(--quiet)}.small{font-size:.86rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.25rem;margin:0}
dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
.say{border-radius:8px;padding:.6rem .9rem;margin:0 0 1.25rem;background:var(--calmbg);
color:var(--calm)}
.say.bad{background:var(--badbg);color:var(--bad)}
.say.warn{background:var(--warnbg);color:var(--warn)}
label{display:block;color:var(--quiet);font-size:.86rem}
input,select,textarea{font:inherit;color:inherit;padding:.42rem .6rem;border:1px solid #b9c2cd;
border-radius:6px;background:#fff;min-width:9rem}
textarea{width:100%;min-height:3.6rem;resize:vertical}
button{font:inherit;padding:.45rem 1.1rem;border-radius:6px;border:1px solid var(--brand);
background:var(--brand);color:#fff;cursor:pointer}
button.plain{background:#fff;color:var(--brand);border-color:#b9c2cd;padding:.2rem .7rem}
.row{display:flex;flex-wrap:wrap;gap:1rem;align-items:flex-end;margin:0}
.line+.line{border-top:1px solid var(--line);margin-top:1rem;padding-top:1rem}
.line form{margin-top:.7rem;display:grid;gap:.6rem}
.line .row{gap:.6rem;align-items:center}
.line details{margin-top:.6rem}.line summary{cursor:pointer;color:var(--brand)}
fieldset{border:1px solid var(--line);border-radius:6px;margin:0;padding:.4rem .8rem .6rem}
legend{color:var(--quiet);font-size:.86rem}
fieldset label{color:var(--ink);font-size:1rem}
input[type=checkbox]{min-width:0;margin:0 .6rem 0 0}
.words{white-space:pre-line;overflow-wrap:anywhere}
.between{display:flex;justify-content:space-between;gap:1rem;align-items:baseline}
.login{max-width:23rem;margin:14vh auto 0}
.login input{width:100%;margin-bottom:.9rem}.login button{width:100%}
.pages{display:flex;gap:1.5rem;margin-top:.9rem}
"""

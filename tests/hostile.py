"""Texts that a careless template would change: each must be sent byte for byte."""

LATEX = r"""
\frac{{a}}{{b}}
x^{{n}} + y^{{m}}
$\frac{{a}}{b}$ and $x_{{i}}$
$$\sum_{{i=1}}^{{n}} i$$
\[ \mathbb{{R}}^{{n}} \]
\( {{x}} \)
\begin{cases}{{x}} & y\end{cases}
\textbf{{bold}}
\newcommand{\f}[1]{{#1}}
\sqrt[{{n}}]{{x}}
\left\{ x \mid x > 0 \right\}
\{a, b\}
{\bf x}
\bibitem{{key}}
{{\em old}}
\hat{{y}} = \beta_0 + \beta_1 x
\text{{if }} x > 0
""".strip().splitlines()

JSON = """
{}
{"a": {"b": {}}}
{"a":{"b":{"c":1}}}
[{"a": 1}, {"b": [{}]}]
{"template": "{{}}"}
[[{}], {}]
{"x": "}}"}
{"y": "{{"}
{"$ref": "#/$defs/x"}
{"mustache": "{{ }}"}
""".strip().splitlines()

JINJA = """
{% for user in users %}{{ user }}{% endfor %}
{{ user.name | upper }}
{{ name|default("nobody") }}
{% if x %}{{ x }}{% else %}{{ y }}{% endif %}
{# a comment #} {{ x }}
{{ "a" ~ b }}
{{ x if y }}
{{- x -}}
{%- set a = {"b": 1} -%}{{ a.b }}
{{ loop.index0 is even }}
{{ forms.input('q')|safe }}
{% raw %}{{ x }}{% endraw %}
{% block title %}{{ super() }}{% endblock %}
{{#if user}}{{user}}{{/if}}
{{> partial}}{{name}}
{{#each items}}{{this}}{{/each}}
{{{raw}}}
{{&raw}}
{{^list}}none{{/list}}
{{! comment }}
{{ .Values.image.repository }}:{{ .Chart.AppVersion }}
{{ range .Items }}{{ .Name }}{{ end }}
{{ $x := .Name }}
{{ $user->name }}
${{ secrets.GITHUB_TOKEN }}
${{ matrix.python-version }}
{{ item.price | currency:'USD' }}
{{ 'now' | date: "%Y" }}
{{ ansible_facts['os_family'] | lower }}
""".strip().splitlines()

CODE = r"""
print(f"{{literal}}")
f'{{{value}}}'
rf"{{x}}\d{{y}}"
f"{x!r} {{x}}"
print(f"{{'a': {a}}}")
d = {"a": {"b": {1, 2}}}
"{} {{}}".format(1)
x = {k: {v} for k, v in z}
std::vector<std::pair<int, int>> v{{1, 2}, {3, 4}};
int a[2][2] = {{1, 2}, {3, 4}};
std::array<int, 2> a{{1, 2}};
int[][] m = {{1, 2}, {3, 4}};
new HashMap<String, Integer>() {{ put("a", 1); }};
auto f = []{ return Foo{{}}; };
[][]int{{1, 2}, {3, 4}}
map[string]struct{}{"a": {}}
var x = struct{}{}
func f() { if x { return } }
println!("{{x}}");
format!("{{}} {}", x)
let p = Point { x: 1, y: 2 };
match x { Some(y) => { y } None => {} }
#[derive(Debug)] struct A { b: Vec<u8> }
const a = {b: {c: 1}};
`${a} ${{b: 1}.b}`
const {a, b} = c;
() => ({})
x => { return {a: {b}} }
<div style={{ color: "red" }} />
<A b={{ c: 'd', e: 1 }} f={g} />
<p v-if="ok">{ text }</p>
$"{{x}} {y}"
$@"{{x}}"
@"{{{0}}}"
string s = $"{{{x}}}";
if (x) { y = {1, 2}; }
awk '{ print $1 }'
echo "${HOME}" ${x:-{}} {a,b}{c,d}
find . -exec rm {} \;
for i in {1..3}; do echo $i; done
function f() { local x=${1:-default}; }
@{ a = 1; b = @{ c = 2 } }
%{name: %{first: "x"}}
#{interpolation} #{{a: 1}[:a]}
puts "#{x}"
{ |x| { x => 1 } }
let f = { x in { x + 1 } }
val f = { x: Int -> { x } }
case class A(b: Map[String, Int]) { }
s"${x} ${{ 1 }}"
SELECT '{{}}'::jsonb, '{1,2}'::int[]
{{1, 2, 3}, {4, 5, 6}}
.a { .b { color: red } }
@media x { .a { b: c } }
{-# LANGUAGE X #-}
data A = A { b :: Int, c :: { } }
my %h = (a => { b => {} }); @{$h{a}}
$h->{a}{b}{c}
<?php echo "{$a['b']}"; ?>
{{ $a['b'] }}
R: function(x) { x[[1]] }
plot({{1, 2}, {3, 4}})
Module[{x}, {{x -> 1}, {y}}]
M = {{1, 0}, {0, 1}};
x = [1 2; 3 4]; c = {{'a'}, {'b'}};
{{"a", "b"}}
{{'single'}}
{{42}}
{{ }}
{{}}
${{}}
{{ [1, 2] }}
{{ {"a": 1} }}
""".strip().splitlines()

SCRIPTS = """
😀 {😀} {{😀}} 👩‍👩‍👧‍👦
مرحبا {بالعالم} كيف {{ الحال؟ }}
שלום {עולם} {{ מה קורה? }}
你好 {世界} {{ 你好 世界 }}
नमस्ते {दुनिया}
Привет, {мир} {{ как дела }}
こんにちは{{ 、 }}
\u202eright to left\u202c {x}
zero\u200bwidth {\u200b} {{\u200b}}
combining e\u0301 {e\u0301}
\u2028line {separator}\u2029
nul \x00 {\x00}
bell \x07 {{ \x07 }}
\ufeffbom {x}
\ufffd {x}
""".strip().split("\n")

BRACES = [
    *("{", "}", "{{", "}}", "{{{", "}}}", "{ {", "} }", "}{", "{}{}", "}}{{", "{{}", "{}}", "{x}"),
    *("{ x }", "{x:.2f}", "{x!r}", "{0}", "{{x}", "{x}}", "{ {x} }", "{{ x } }", "{\n{x}\n}"),
    *(
        "{{{x}}}",
        "{{{{x}}}}",
        "{{ x",
        "x }}",
        "{{(}}",
        "{{)}}",
        "{{[}}",
        "{{x(}}",
        "{{'}}",
        '{{"}}',
    ),
    *("{{ not an expression }}", "{{ what? }}", "{{ 1 2 }}", "{{:}}", "{{!}}", "{{,}}", "{{;}}"),
    *("{{ x, y }}", "{{ x; y }}", "{{ x = 1 }}", "{{ def }}", "{{ lambda }}", "{{ yield x }}"),
    *("{{ await x }}", "{{ import os }}", "{{…}}", "{{...}}", "{{ ... }}", "{{*x}}"),
    *("%s %(x)s %%", "$x ${x} $$", "$(x) `x` $((1))", "<% x %> <%= x %>", "[[x]] ((x))", "@x #x"),
    *("`{{x}}`", "``{{x}} ` {{y}}``", "```\n{{x}}\n```", "~~~\n{{x}}", "> ```\n> {{x}}\n> ```"),
    *("\\", "\\{", "\\}", "\\\\", "\\n\\t\\x41", "C:\\Users\\x", "\r\n\r\n", "\t{\t}\t", "\n" * 9),
    *("- ```py\n  {{x}}\n  ```", "`` `{{x}}` ``", "$", "$5 and $6", "`", "``", "'''", '"""', "f'"),
]

# What IPython itself would read: help, shell, magics, prompts to take off, ends of lines.
NOTEBOOK = [
    *("?", "what?", "? what", "x?\ny??\n", "!", "!ls", "!!ls", "%", "%time x", "%%", "%%time\nx"),
    *("%hermes --think x", "%%hermes --think\nnested", "%hermes?", "/foo bar", ",f a", ";f a"),
    *(">>> x = 1\n>>> x\n1", "Why?\n    >>> f(1)\n    2", "... a", "In [1]: x\nOut[1]: 2"),
    *("In [2]: x\n   ...: y", "$ ls", "get_ipython()", "exit", "quit", "# comment\n", "\\\n\\"),
    *("a\r\nb\r\n", "a\rb", "\n\n\nlate", "trailing  \n  ", "  indented\n   more", "\ttab\t"),
    *("a\x0bb\x0cc\x1cd\x85e", "a\u2028b\u2029c", "--think", "--", "-"),
]
SURROGATES = ["\ud800 lone", "x \udcff", "\ude00\ud83d"]
LONG = "é {x} \\frac{a}{b}\n" * 60_000  # over 1 MB

HOSTILE = [*LATEX, *JSON, *JINJA, *CODE, *SCRIPTS, *BRACES, *NOTEBOOK]

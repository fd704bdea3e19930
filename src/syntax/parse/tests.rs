//! Mistakes and what is said about them; trees are tested where they are printed.

use expect_test::{Expect, expect};

use super::parse;
use crate::diag::Problems;
use crate::source::Sources;

/// Every problem of `text` on a line: place, message, what is marked, help.
fn problems(text: &str) -> String {
    let mut sources = Sources::new();
    let source = sources.add("", text);
    let mut problems = Problems::default();
    parse(source, text, &mut problems);
    let mut shown = String::new();
    for problem in problems.sorted() {
        let label = &problem.labels[0];
        let marked = sources.text(label.span);
        shown += &format!(
            "{} {}: {} [{marked}: {}]\n",
            sources.place(label.span),
            problem.code,
            problem.message,
            label.text
        );
        if let Some(help) = problem.help {
            shown += &format!("      help: {help}\n");
        }
    }
    shown
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&problems(text));
}

#[test]
fn an_empty_file_is_a_file() {
    check("", expect![""]);
    check("// nothing\n\n", expect![""]);
}

#[test]
fn names_are_missed_where_they_are_missing() {
    check(
        "let = 1\nparam 3 = 1\nlet x = f(a = )\nfn (a) = a\nlet in = 3",
        expect![[r#"
            :1:5 syntax: expected a name, found `=` [=: not expected here]
            :2:7 syntax: expected a name, found `3` [3: not expected here]
            :3:15 syntax: expected an expression, found `)` [): not expected here]
            :4:4 syntax: expected a name, found `(` [(: not expected here]
            :5:5 syntax: expected a name, found `in` [in: not expected here]
                  help: `in` is a word of the language; another name is needed
        "#]],
    );
}

#[test]
fn brackets_and_commas() {
    check(
        "let a = f(a b)\nlet b = [1, 2 3]\nlet c = { a = 1 b = 2 }\nfn f(a b) = a\nuse cam { a b }",
        expect![[r#"
            :1:13 syntax: expected `)` or `,`, found `b` [b: not expected here]
                  help: a `,` is missing before it
            :2:15 syntax: expected `,` or `]`, found `3` [3: not expected here]
                  help: a `,` is missing before it
            :3:17 syntax: expected `,` or `}`, found `b` [b: not expected here]
                  help: a `,` is missing before it
            :4:8 syntax: expected `)` or `,`, found `b` [b: not expected here]
                  help: a `,` is missing before it
            :5:13 syntax: expected `,` or `}`, found `b` [b: not expected here]
                  help: a `,` is missing before it
        "#]],
    );
}

#[test]
fn equals_in_all_its_mistakes() {
    check(
        "let a 1\nlet b == 1\nlet c := 1\nlet d => 2\nlet e = if a = 1 { 2 } else { 3 }\nparam f: 3\nvariant v { x 3 }",
        expect![[r#"
            :1:7 syntax: expected `=`, found `1` [1: not expected here]
                  help: write `a = …`
            :2:7 syntax: expected `=`, found `==` [==: not expected here]
                  help: a name is bound with `=`; `==` compares
            :3:7 syntax: `:=` is not a sign of the language [:=: not expected here]
                  help: a name is bound with `=`
            :4:7 syntax: expected `=`, found `=>` [=>: not expected here]
                  help: a name is bound with `=`; `=>` stands before the body of a lambda
            :5:14 syntax: expected `{`, found `=` [=: not expected here]
                  help: a comparison is written `==`; `=` binds a name
            :6:8 syntax: expected `=`, found `:` [:: not expected here]
                  help: a name is bound with `=`
            :7:15 syntax: expected `=`, found `3` [3: not expected here]
                  help: write `x = …`
        "#]],
    );
}

#[test]
fn signs_of_other_languages() {
    check(
        "let a = b && c || !d;\nlet e = 'text'\nlet f = x -> y\nlet g = 2 ** 3 # why\nlet h = é",
        expect![[r#"
        :1:11 syntax: `&&` is not a sign of the language [&&: not expected here]
              help: write `and`
        :1:16 syntax: `||` is not a sign of the language [||: not expected here]
              help: write `or`
        :1:19 syntax: `!` is not a sign of the language [!: not expected here]
              help: write `not`
        :1:21 syntax: `;` is not a sign of the language [;: not expected here]
              help: a statement ends with its line; nothing stands between two of them
        :2:9 syntax: a text stands between double quotes ['text': single quotes]
              help: write `"text"`
        :3:11 syntax: `->` is not a sign of the language [->: not expected here]
              help: a result's type follows `:`, a lambda's body follows `=>`
        :4:11 syntax: `**` is not a sign of the language [**: not expected here]
              help: a power is written `^`
        :4:16 syntax: `#` is not a sign of the language [#: not expected here]
              help: a comment begins with `//`
        :5:9 syntax: `é` can not be read [é: not expected here]
              help: names are written with ASCII letters, digits and `_`; other characters may stand in texts and comments
    "#]],
    );
}

#[test]
fn operators_want_two_sides() {
    check(
        "let a = 1 +\nlet b = * 2\nlet c = a < b < c\nlet d = 0..1..2\nlet e = 1 by 2\nlet f = a b",
        expect![[r#"
            :1:11 syntax: expected an expression [+: nothing follows this]
            :2:9 syntax: expected an expression, found `*` [*: not expected here]
            :3:15 syntax: comparisons do not chain [<: a second comparison]
                  help: write `a < b and b < c`
            :4:13 syntax: a range has one start and one end [..: a second `..`]
                  help: a step is written `a..b by c`
            :5:11 syntax: `by` follows a range [by: no range before it]
                  help: write `a..b by c`
            :6:11 syntax: expected an operator or the end of the line, found `b` [b: not expected here]
        "#]],
    );
}

#[test]
fn conditionals_blocks_and_lambdas() {
    check(
        "let a = if b { c }\nlet d = { let e = 1 }\nlet g = { let e = 1 a = 2 }\nlet h = (a.b) => c\nlet i = ()\nlet j = (a, b)\nlet k = { a.b }\nlet l = { let a = 1 b, c }",
        expect![[r#"
            :1:18 syntax: expected `else` [}: nothing follows this]
                  help: both arms are needed: `if c { a } else { b }`
            :2:9 syntax: expected a value before `}` [{ let e = 1 }: this block has none]
                  help: a block ends with an expression
            :3:21 syntax: expected a value, found a field [a = 2: not expected here]
                  help: in a block a name is bound with `let`; a record as a value has braces of its own: `{ { a = 1 } }`
            :4:9 syntax: expected the parameters of a lambda before `=>` [(a.b): no list of names]
                  help: write `x => …` or `(x, y) => …`
            :5:9 syntax: expected an expression between the parentheses [(): empty]
            :6:9 syntax: expected one expression between the parentheses [(a, b): several]
                  help: a list is written `[a, b]`; the parameters of a lambda are followed by `=>`
            :7:11 syntax: expected a field of a record [a.b: a value without a name]
                  help: write `name = value`; a bare name stands for the value of that name
            :8:24 syntax: a block has one value [c: a second one]
                  help: a list is written `[a, b]`, a record `{ a, b }`
        "#]],
    );
}

#[test]
fn a_call_stands_on_its_line() {
    check(
        "let a = f\n  (x)\nlet b = c\n  [0]",
        expect![[r#"
            :2:3 syntax: expected an operator or the end of the line, found `(` [(: not expected here]
                  help: to call or to index, `(` stands on the line of what it applies to
            :4:3 syntax: expected an operator or the end of the line, found `[` [[: not expected here]
                  help: to call or to index, `[` stands on the line of what it applies to
        "#]],
    );
}

#[test]
fn texts_and_numbers() {
    check(
        "let a = \"open\nlet b = \"\\q\"\nlet c = 8x\nlet d = 1e999\nlet e = .5",
        expect![[r#"
            :1:9 syntax: the text is never closed ["open: opened here]
                  help: close it with `"` on the same line
            :2:10 syntax: `\q` means nothing inside a text [\q: not an escape]
                  help: the escapes are `\"`, `\\`, `\n` and `\t`; a backslash is written `\\`
            :3:9 syntax: `8x` is neither a number nor a name [8x: not expected here]
                  help: a name begins with a letter; a number is written `1`, `0.5` or `5e-4`
            :4:9 syntax: this number is too large [1e999: more than 1.8e308]
            :5:9 syntax: expected an expression, found `.` [.: not expected here]
                  help: a number below one is written `0.5`
        "#]],
    );
}

#[test]
fn an_error_costs_one_statement() {
    check(
        "train a {
  batch = = 8
  optimizr sgd(1)
  nett x = 3
  step { image } {
    loss x = f(
    loss y = 3 3
    what
    z = 4
    show a = *
    save b = c
  }
}
net n(a) {
  layer b = c c
  weight d = 3
  x = 4
  fn f(a) a
}
item
use cam { a b }
let ok = = 1",
        expect![[r#"
            :2:11 syntax: expected an expression, found `=` [=: not expected here]
            :3:3 syntax: expected an entry, found `optimizr` [optimizr: not expected here]
                  help: did you mean `optimizers`?  an entry is a setting, `name = value`, or begins with one of `net`, `rates`, `decay`, `optimizers`, `memory`, `refresh`, `let`, `step`, `each`, `validate`
            :4:3 syntax: expected an entry, found `nett` [nett: not expected here]
                  help: did you mean `net`?  an entry is a setting, `name = value`, or begins with one of `net`, `rates`, `decay`, `optimizers`, `memory`, `refresh`, `let`, `step`, `each`, `validate`
            :6:15 syntax: `(` is never closed [(: opened here]
                  help: add the missing `)`
            :7:16 syntax: expected an operator or the end of the line, found `3` [3: not expected here]
            :8:5 syntax: expected a statement, found `what` [what: not expected here]
                  help: a statement begins with one of `let`, `loss`, `metric`, `show`, `save`
            :9:5 syntax: expected a statement, found `z = …` [z: nothing says what is bound]
                  help: write `let z = …`
            :10:14 syntax: expected an expression, found `*` [*: not expected here]
            :15:15 syntax: expected an operator or the end of the line, found `c` [c: not expected here]
            :16:12 syntax: expected `:`, found `=` [=: not expected here]
            :17:3 syntax: expected a member, found `x = …` [x: nothing says what is bound]
                  help: write `let x = …`
            :18:11 syntax: expected `:` or `=`, found `a` [a: not expected here]
                  help: a `=` is missing before it
            :20:1 syntax: expected an item, found `item` [item: not expected here]
                  help: an item begins with one of `supervision`, `use`, `param`, `variant`, `expect`, `let`, `fn`, `net`, `train`, `infer`, `score`
            :21:13 syntax: expected `,` or `}`, found `b` [b: not expected here]
                  help: a `,` is missing before it
            :22:10 syntax: expected an expression, found `=` [=: not expected here]
        "#]],
    );
}

#[test]
fn headers() {
    check(
        "train {\n}\nnet n {\n}\nnet m() a\ntrain t\nstep\nvariant {}\ntrain b { step { a } }\ntrain c { step { a b } { } } x",
        expect![[r#"
            :1:7 syntax: expected a name, found `{` [{: not expected here]
            :3:7 syntax: expected `(`, found `{` [{: not expected here]
                  help: the parameters stand between parentheses; none are written `()`
            :5:9 syntax: expected `{` [a: nothing follows this]
                  help: a net has its body between `{` and `}`
            :6:7 syntax: expected `{` [t: nothing follows this]
                  help: a stage has its body between `{` and `}`
            :7:1 syntax: expected an item, found `step` [step: not expected here]
                  help: an item begins with one of `supervision`, `use`, `param`, `variant`, `expect`, `let`, `fn`, `net`, `train`, `infer`, `score`
            :8:9 syntax: expected a name, found `{` [{: not expected here]
            :9:20 syntax: expected `{` [}: nothing follows this]
                  help: `step { fields }` has its body between `{` and `}`
            :10:20 syntax: expected `,` or `}`, found `b` [b: not expected here]
                  help: a `,` is missing before it
            :10:30 syntax: expected the end of the line [x: not expected after `}`]
        "#]],
    );
}

#[test]
fn one_brace_is_one_mistake() {
    check(
        "train a {\n  data = b\n  step { image } {\n    loss c = image\n}\n\nscore d {\n  each { e } {\n  }\n}\n",
        expect![[r#"
        :3:18 syntax: `{` is never closed [{: opened here]
              help: add the missing `}`
    "#]],
    );
    check(
        "train a {",
        expect![[r#"
        :1:9 syntax: `{` is never closed [{: opened here]
              help: add the missing `}`
    "#]],
    );
    check(
        "{",
        expect![[r#"
        :1:1 syntax: `{` is never closed [{: opened here]
              help: add the missing `}`
    "#]],
    );
    check(
        "let a = 1\n}\nlet b = 2",
        expect![[r#"
        :2:1 syntax: `}` closes nothing [}: no open bracket before it]
    "#]],
    );
    check(
        "let a = [1, (2, 3]\nlet b = 2",
        expect![[r#"
        :1:13 syntax: `(` is never closed [(: opened here]
              help: add the missing `)`
    "#]],
    );
}

#[test]
fn docs_stand_at_the_top() {
    check(
        "//! top\nlet a = 1\n//! below",
        expect![[r#"
        :3:1 syntax: `//!` stands at the top of a file [//! below: not expected here]
              help: the doc of what follows begins with `///`, a plain comment with `//`
    "#]],
    );
}

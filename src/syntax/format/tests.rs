//! The format on small texts, on a whole recipe, and its laws on generated trees.

use expect_test::{Expect, expect};

use super::{format, print};
use crate::diag::Problems;
use crate::source::SourceId;
use crate::syntax::ast::File;
use crate::syntax::parse;

fn read(text: &str) -> File {
    let mut problems = Problems::default();
    let file = parse(SourceId(0), text, &mut problems);
    assert!(problems.is_empty(), "{text}\n{:#?}", problems.sorted());
    file
}

fn formatted(text: &str) -> String {
    format(SourceId(0), text).unwrap_or_else(|problems| panic!("{text}\n{:#?}", problems.sorted()))
}

fn check(text: &str, expected: Expect) {
    let once = formatted(text);
    expected.assert_eq(&once);
    assert_eq!(formatted(&once), once, "formatting again changes nothing");
}

/// A whole recipe with every kind of item and entry, in its canonical format.
const OC_CSE: &str = include_str!("../../../tests/golden/oc_cse.wsss");

#[test]
fn a_whole_recipe_is_in_its_format() {
    assert_eq!(formatted(OC_CSE), OC_CSE);
}

#[test]
fn neighbours_of_one_kind_are_aligned() {
    check(
        "use a {b}\nuse long_name { c , d, }\nuse nets\nparam a=1\nparam long = 2 in 0..\n\nparam far_away = 3\nvariant v { a = 1 long=2 }",
        expect![[r#"
            use a         { b }
            use long_name { c, d }
            use nets

            param a    = 1
            param long = 2 in 0..

            param far_away = 3

            variant v {
              a    = 1
              long = 2
            }
        "#]],
    );
    check(
        "train a { data = b
        batch = 8
        // alone
        optimizer = sgd()
        net n = f()
        rates { n.head = 10 }
        step { image, tags } { loss a = 1
        loss long = 2
        show a
        show long = b } }",
        expect![[r#"
            train a {
              data  = b
              batch = 8
              // alone
              optimizer = sgd()
              net n = f()
              rates { n.head = 10 }
              step { image, tags } {
                loss a    = 1
                loss long = 2
                show a
                show long = b
              }
            }
        "#]],
    );
    check(
        "train  x for   arch in [a,b] { batch=8 }\ninfer y for r in { let n = 2 n..4 } { each {a} {} }",
        expect![[r#"
            train x for arch in [a, b] {
              batch = 8
            }

            infer y for r in {
              let n = 2
              n..4
            } {
              each { a } {}
            }
        "#]],
    );
    check(
        "net n(a: int, b = 2) { layer a = b  layer long = c\nweight w: [a, b div 2] = zeros() when a\nstate state: [a] = ones()\n\nfn f(x) = x\nfn long(x): real[B, H / 8 * 2, K+1] = x }",
        expect![[r#"
            net n(a: int, b = 2) {
              layer a    = b
              layer long = c
              weight w: [a, b div 2] = zeros() when a
              state state: [a]       = ones()

              fn f(x) = x
              fn long(x): real[B, H/8*2, K + 1] = x
            }
        "#]],
    );
}

#[test]
fn what_is_too_long_is_broken_at_its_outermost_part() {
    check(
        "train a {
  optimizer = sgd(lr = 0.01, momentum = 0.9, weight_decay = 5e-4, schedule = poly(0.9), nesterov = true)
  data = dataset.train |> random_resize(long_side = 448..768) |> random_flip() |> color_jitter() |> random_crop(crop)
  batch = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa + bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb * ccccccccccccccccccccc + dddddddddd
}
fn view(sample, long_side) = sample |> random_resize(long_side = 448..768) |> random_flip() |> jitter()
fn far(sample, long_side) = sample |> random_resize(long_side = 448..768) |> random_flip() |> color_jitter() |> random_crop(crop)
let a = if this_is_a_rather_long_condition(a, b) { this_is_the_first_arm(a, b, c) } else if c { this_is_another(d) } else { e }
let b = [this_is_a_rather_long_body(x, y, z) for x in this_is_a_rather_long_source(a, b, c) if condition(x)]
let c = dataset.train with { this_is_a_field = something.long(a, b), another_field = something_else, third }",
        expect![[r#"
            train a {
              optimizer = sgd(
                lr = 0.01,
                momentum = 0.9,
                weight_decay = 5e-4,
                schedule = poly(0.9),
                nesterov = true,
              )
              data = dataset.train
                |> random_resize(long_side = 448..768)
                |> random_flip()
                |> color_jitter()
                |> random_crop(crop)
              batch = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
                + bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb * ccccccccccccccccccccc
                + dddddddddd
            }

            fn view(sample, long_side) =
              sample |> random_resize(long_side = 448..768) |> random_flip() |> jitter()
            fn far(sample, long_side) = sample
              |> random_resize(long_side = 448..768)
              |> random_flip()
              |> color_jitter()
              |> random_crop(crop)

            let a = if this_is_a_rather_long_condition(a, b) {
              this_is_the_first_arm(a, b, c)
            } else if c {
              this_is_another(d)
            } else {
              e
            }
            let b = [
              this_is_a_rather_long_body(x, y, z)
              for x in this_is_a_rather_long_source(a, b, c)
              if condition(x)
            ]
            let c = dataset.train with {
              this_is_a_field = something.long(a, b),
              another_field = something_else,
              third,
            }
        "#]],
    );
}

#[test]
fn blocks_take_lines_and_may_be_the_last_argument() {
    check(
        "let a = { let b = 1 let long = 2\n\n  b + long }\nlet c = map(xs, x => { let y = x\n (-y) })\nlet d = if a { let b = 1  b } else { { a = 1, b = b } }",
        expect![[r#"
            let a = {
              let b    = 1
              let long = 2

              b + long
            }
            let c = map(xs, x => {
              let y = x
              (-y)
            })
            let d = if a {
              let b = 1
              b
            } else {
              { a = 1, b }
            }
        "#]],
    );
}

#[test]
fn parentheses_stand_where_precedence_asks() {
    for text in [
        "a or b and not c == d + e * -f ^ g",
        "((a or b) and c) == (d and (e or f))",
        "(a + b) * c - (d - e) - f",
        "(-a) ^ b ^ (c ^ d)",
        "(a ^ b) ^ (-c)",
        "-a ^ b",
        "(a |> b) + c",
        "a |> (x => x |> b)",
        "(x => x)(a)",
        "(a with { b = c }).d",
        "(a == b) == c",
        "(0..1) + 2",
        "0..n - 1 by (if a { 1 } else { 2 })",
        "if (0..) { a } else { b }",
        "-(0.9 @ \"sec. 4.2\")",
        "(a @ \"b\").c",
        "f(a)(b)[c].d @ \"e\" @ \"f\"",
        "not (a |> b)",
        "(() => 1)() + (x => x)",
        "[x => x for x in (y => y)]",
    ] {
        let text = format!("let a = {text}\n");
        let printed = print(&read(&text));
        let expected = read(&text);
        assert_eq!(crate::syntax::strip_spans(read(&printed)), crate::syntax::strip_spans(expected), "{text}");
    }
    check(
        "let a = ((a) + ((b * c))) |> (f)\nlet b = (x) => ((x))\nlet c = 2 ^ -x",
        expect![[r#"
        let a = a + b * c |> f
        let b = x => x
        let c = 2 ^ (-x)
    "#]],
    );
}

#[test]
fn comments_stay_where_they_stood() {
    check(
        "// first
//! doc


use a // why a
// own

/// doc of b
let b = f( // open
  x, // after x
  // before y
  y
  // at the end
) // after b
train c { // opening
  // in c
  batch = 8 // eight
  optimizer = sgd() // plain


  // above step
  step { image } { } // after step
  // last
}
let d = 1 + // plus
  2
let e = x // start
  // before f
  |> f // after f
  |> g
let h = if a { // first arm
  b
} else {
  // second arm
  c
}
// end
",
        expect![[r#"
            // first
            //! doc

            use a  // why a
            // own

            /// doc of b
            let b = f(  // open
              x,  // after x
              // before y
              y,
              // at the end
            )  // after b

            train c {  // opening
              // in c
              batch     = 8      // eight
              optimizer = sgd()  // plain

              // above step
              step { image } {}  // after step
              // last
            }

            let d = 1  // plus
              + 2
            let e = x  // start
              // before f
              |> f  // after f
              |> g
            let h = if a {  // first arm
              b
            } else {
              // second arm
              c
            }
            // end
        "#]],
    );
}

#[test]
fn a_text_with_mistakes_is_refused() {
    assert!(format(SourceId(0), "let a = ").is_err());
    assert_eq!(formatted(""), "");
    assert_eq!(formatted("// only\n\n\n// this"), "// only\n\n// this\n");
}

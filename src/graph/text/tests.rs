//! What the text form looks like, what it refuses, and that it reads itself.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{parse, print};
use crate::graph::{Clock, Graph, Kind, Literal, Origin, Output, Role};
use crate::ops::{self, Attr, Attrs};
use crate::types::{Dim, Domain, Fact, Labels, Level};

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&print(&parse(text).unwrap()));
}

fn check_refused(text: &str, expected: Expect) {
    expected.assert_eq(&parse(text).unwrap_err().to_string());
}

#[test]
fn every_kind_of_line() {
    check(
        r#"
        // Numbers need not be dense, types of ops may be left out.
        %10 = field image : image[B, 3, H, ceil(W/2)]
        %11 = weight cls.conv1.weight : real[16]
        %12 = frozen "a b" : real[]
        %13 = state cls.bn1.running_mean : nonneg[16]
        %14 = clock epoch : real[]
        %15 = constant [1, -2.5] : real[2]
        %16 = constant [0; 6] : real[2, 3]
        %17 = constant 0.1 : real[]
        %18 = field mask : index(K + 1)[B, H, W] @pixel(train)
        %19 = relu(%11)
        %20 = affine(%19) scale=2.0 shift=0.0
        loss "" = %14
        total = %17
        rate = %14
        show picture = %10
        save cam = %18
        metric iou = miou(%18, %18) at=0.5 classes=[K, K + 1] name="x y" steps=[1, 2] on=true n=3
        grad cls.conv1.weight = %20
        assign cls.bn1.running_mean = %13
        "#,
        expect![[r#"
            %0 = field image : image[B, 3, H, ceil(W/2)]
            %1 = weight cls.conv1.weight : real[16]
            %2 = frozen "a b" : real[]
            %3 = state cls.bn1.running_mean : nonneg[16]
            %4 = clock epoch : real[]
            %5 = constant [1, -2.5] : real[2]
            %6 = constant [0; 6] : real[2, 3]
            %7 = constant 0.1 : real[]
            %8 = field mask : index(K + 1)[B, H, W] @pixel(train)
            %9 = relu(%1) : nonneg[16]
            %10 = affine(%9) scale=2.0 : nonneg[16]
            loss = %4
            total = %7
            rate = %4
            show picture = %0
            save cam = %8
            metric iou = miou(%8, %8) at=0.5 classes=[K, K + 1] name="x y" steps=[1, 2] on=true n=3
            grad cls.conv1.weight = %10
            assign cls.bn1.running_mean = %3
        "#]],
    );
}

#[test]
fn lowered_labels_are_written() {
    check(
        "%0 = field x : real[2] @pixel(train) @weights(\"a) @b\")
         %1 = neg(%0)
         %2 = neg(%1) : real[2] @oracle(image(val))
         %3 = neg(%2) : real[2] @nothing",
        expect![[r#"
            %0 = field x : real[2] @pixel(train) @weights("a) @b")
            %1 = neg(%0) : real[2]
            %2 = neg(%1) : real[2] @oracle(image(val))
            %3 = neg(%2) : real[2] @nothing
        "#]],
    );
}

#[test]
fn nodes_are_numbered_in_the_order_they_can_run() {
    let mut graph = Graph::new();
    let neg = ops::find("neg").unwrap();
    let leaf = |graph: &mut Graph, name: &str| {
        graph.leaf(Kind::Field(name.into()), Fact::scalar(Domain::Real), Origin::default())
    };
    let x = leaf(&mut graph, "x");
    let first = graph.apply(neg, &[Some(x)], Attrs::new(), Origin::default()).unwrap();
    let y = leaf(&mut graph, "y");
    let second = graph.apply(neg, &[Some(y)], Attrs::new(), Origin::default()).unwrap();
    // `first` now waits for a node of a higher id.
    graph.rewire(x, second);
    graph.outputs.push(Output { role: Role::Save, name: "z".into(), nodes: vec![first], span: None });
    expect![[r#"
        %0 = field x : real[]
        %1 = field y : real[]
        %2 = neg(%1) : real[]
        %3 = neg(%2) : real[]
        save z = %3
    "#]]
    .assert_eq(&print(&graph));
}

#[test]
fn mistakes_name_their_line() {
    check_refused("\n%0 = fild x : real[]", expect!["line 2: expected a node before `fild`"]);
    check_refused("%0 = neg(%1)", expect!["line 1: there is no `%1` yet"]);
    check_refused("%0 = nag()", expect!["line 1: there is no op `nag`"]);
    check_refused("%0 = neg()", expect!["line 1: `neg` is called with no `x`"]);
    check_refused("%0 = field x : real[", expect!["line 1: expected `[ … ]` before `[`"]);
    check_refused("%0 = field x : reel[]", expect!["line 1: there is no type `reel`"]);
    check_refused("%0 = clock noon : real[]", expect!["line 1: there is no clock `noon`"]);
    check_refused("%0 = constant [1, 2] : real[3]", expect!["line 1: 2 numbers do not fill real[3]"]);
    check_refused("%0 = constant [1, 2] : real[B]", expect!["line 1: a constant has lengths that are numbers"]);
    check_refused(
        "%0 = constant [0; 99999999999] : real[1]",
        expect!["line 1: `[0; 99999999999]` is not a list of numbers"],
    );
    check_refused("%0 = field x : real[] @loud", expect!["line 1: `loud` is no label"]);
    check_refused("%0 = field x : real[] x", expect!["line 1: `x` is left over"]);
    check_refused("%0 = field x : real[]\n%0 = field y : real[]", expect!["line 2: `%0` is there twice"]);
    check_refused("%0 = field x : real[]\n%1 = neg(%0) y=1", expect!["line 2: `neg` has no `y`"]);
    check_refused(
        "%0 = field x : real[2]\n%1 = neg(%0) : real[3]",
        expect!["line 2: stated as real[3], but inferred as real[2]"],
    );
    check_refused("lose x = %0", expect!["line 1: expected a node or an output before `lose`"]);
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z][a-z0-9_.]{0,8}", any::<String>()]
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let dim = prop_oneof![
        (0i64..9).prop_map(Dim::constant),
        "[BHWK]".prop_map(|name| Dim::symbol(&name)),
        ("[HW]", 2i64..9).prop_map(|(name, n)| Dim::symbol(&name).ceil_div(n)),
    ];
    let level = proptest::sample::select(&Level::ALL[..]);
    let word = proptest::sample::select(Domain::WORDS);
    (word, dim.clone(), proptest::collection::vec(dim, 0..4), level).prop_map(|(word, classes, dims, level)| {
        let labels = if level == Level::None { Labels::default() } else { Labels::seen(level, "train") };
        Fact { labels, ..Fact::new(Domain::from_word(word, &classes).unwrap(), dims) }
    })
}

fn any_leaf() -> impl Strategy<Value = (Kind, Fact)> {
    let literal = proptest::collection::vec(any::<f64>(), 1..9).prop_map(|data| {
        let fact = Fact::new(Domain::Real, vec![data.len().into()]);
        (Kind::Constant(Literal { shape: vec![data.len()], data }.into()), fact)
    });
    prop_oneof![
        (any_name(), any_fact()).prop_map(|(name, fact)| (Kind::Field(name), fact)),
        (any_name(), any_fact(), any::<bool>()).prop_map(|(path, fact, trained)| {
            (Kind::Weight { path, trained }, Fact { trainable: trained, ..fact })
        }),
        (any_name(), any_fact()).prop_map(|(name, fact)| (Kind::State(name), fact)),
        proptest::sample::select(&Clock::ALL[..]).prop_map(|clock| (Kind::Clock(clock), Fact::scalar(Domain::Real))),
        literal,
    ]
}

fn any_attr() -> impl Strategy<Value = Attr> {
    prop_oneof![
        any::<i64>().prop_map(Attr::Int),
        any::<f64>().prop_map(Attr::Float),
        any::<bool>().prop_map(Attr::Bool),
        any::<String>().prop_map(Attr::Word),
        proptest::collection::vec(any::<i64>(), 0..3).prop_map(Attr::Ints),
        proptest::collection::vec(any::<f64>(), 1..3).prop_map(Attr::Floats),
        "[BHWK]".prop_map(|name| Attr::Dims(vec![Dim::symbol(&name), Dim::constant(1)])),
    ]
}

fn any_graph() -> impl Strategy<Value = Graph> {
    let leaves = proptest::collection::vec(any_leaf(), 1..6);
    let ops = proptest::collection::vec(
        (0usize..100, proptest::sample::select(&["neg", "relu", "abs", "sigmoid"][..])),
        0..8,
    );
    let outputs = proptest::collection::vec((any_name(), 0usize..100, any_attr()), 0..4);
    (leaves, ops, outputs).prop_map(|(leaves, ops, outputs)| {
        let mut graph = Graph::new();
        let mut ids: Vec<_> =
            leaves.into_iter().map(|(kind, fact)| graph.leaf(kind, fact, Origin::default())).collect();
        for (input, name) in ops {
            let input = ids[input % ids.len()];
            // What an op refuses is left out.
            ids.extend(graph.apply(ops::find(name).unwrap(), &[Some(input)], Attrs::new(), Origin::default()));
        }
        for (name, node, attr) in outputs {
            let node = ids[node % ids.len()];
            let attrs = Attrs::new().with("a", attr);
            let role = Role::Metric { metric: "miou".into(), attrs };
            graph.outputs.push(Output { role, name: name.clone(), nodes: vec![node, node], span: None });
            graph.outputs.push(Output { role: Role::Save, name, nodes: vec![node], span: None });
        }
        graph
    })
}

proptest! {
    #[test]
    fn what_is_printed_parses_and_prints_the_same(graph in any_graph()) {
        let text = print(&graph);
        let parsed = match parse(&text) {
            Ok(parsed) => parsed,
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{text}"))),
        };
        prop_assert_eq!(print(&parsed), text);
    }
}

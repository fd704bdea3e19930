//! What every op of the registry promises: words for all it has, examples that give the printed answer, results shaped as
//! inferred, gradients that agree with differences, laws that hold, refusals in the recipe's words.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use expect_test::{Expect, expect};

use wsss::diag::Problems;
use wsss::exec::interpreter::{Interpreter, Leaves, Options};
use wsss::grad::{differentiate, gradients};
use wsss::graph::{Clock, Graph, Id, Kind, Literal, Node, Origin, Output, Role, verify};
use wsss::hir::{Files, load};
use wsss::lower::lower_expression;
use wsss::ops::{Attrs, Context, Draw, Example, Gradient, Law, OpDef, Ref, all, find};
use wsss::source::Sources;
use wsss::types::{Domain, Fact};

#[test]
fn every_op_has_its_words() {
    let mut names = HashSet::new();
    for op in all() {
        let name = op.name;
        assert!(names.insert(name), "`{name}` is there twice");
        assert!(op.summary.ends_with('.') && !op.output.is_empty(), "`{name}` lacks words");
        assert!(op.inputs.iter().all(|input| !input.doc.is_empty()), "`{name}` has an input without words");
        assert!(op.params.iter().all(|param| !param.doc.is_empty()), "`{name}` has a param without words");
        assert!(op.nature.internal || !op.examples.is_empty(), "`{name}` has no example");
    }
}

#[test]
fn examples_give_their_answers() {
    for (op, example) in examples() {
        for dtype in [DType::F64, DType::F32] {
            let graph = graph_of(example.code).unwrap_or_else(|problem| panic!("`{}`: {problem}", op.name));
            let result = run(graph, dtype, &HashMap::new()).remove(0);
            assert_eq!(printed(&result), example.answer, "`{}` in {dtype:?}: {}", op.name, example.code);
        }
    }
}

#[test]
fn an_example_is_of_its_op() {
    for (op, example) in examples() {
        let graph = graph_of(example.code).expect("examples are right");
        assert!(!nodes_of(&graph, op).is_empty(), "`{}` does not occur in {}", op.name, example.code);
    }
}

/// Ops whose gradient is another than that of what they give: that is what they are for.
const DELIBERATE: &[&str] = &["scale_gradient", "straight_through"];

/// On every example, the gradient by every input that has one, at places a little beside those of the example: no corner is hit.
#[test]
fn gradients_agree_with_differences() {
    let honest = |op: &OpDef| matches!(op.grad, Gradient::Of(_)) && !DELIBERATE.contains(&op.name);
    for (op, example) in examples().filter(|(op, _)| honest(op)) {
        let graph = graph_of(example.code).expect("examples are right");
        for id in nodes_of(&graph, op) {
            let use_of_op = Use::at(&graph, id);
            let mut reached = 0;
            for slot in 0..use_of_op.inputs.len() {
                reached += usize::from(use_of_op.check_gradient(slot, example));
            }
            assert!(
                reached > 0 || use_of_op.trainable().count() == 0,
                "`{}` has no gradient: {}",
                op.name,
                example.code
            );
        }
    }
}

/// On every example, the gradient of the gradient, for every op whose first one changes with what it is taken by.
#[test]
fn second_gradients_agree_with_differences() {
    let mut unknown = std::collections::BTreeSet::new();
    let mut checked = std::collections::BTreeSet::new();
    for (op, example) in examples().filter(|(op, _)| matches!(op.grad, Gradient::Of(_))) {
        if DELIBERATE.contains(&op.name) {
            continue;
        }
        let graph = graph_of(example.code).expect("examples are right");
        for id in nodes_of(&graph, op) {
            let use_of_op = Use::at(&graph, id);
            for slot in use_of_op.trainable().collect::<Vec<_>>() {
                match use_of_op.check_second(slot, example) {
                    Second::Unknown => _ = unknown.insert(op.name),
                    Second::Checked => _ = checked.insert(op.name),
                    Second::Constant => {}
                }
            }
        }
    }
    expect![[r#"{"div", "elu", "exp", "gelu", "log", "log_sigmoid", "log_softmax", "pow", "sigmoid", "softmax", "softplus", "sqrt", "square", "tanh"}"#]].assert_eq(&format!("{checked:?}"));
    expect!["{}"].assert_eq(&format!("{unknown:?}"));
}

#[test]
fn laws_hold() {
    for (op, example) in examples() {
        let graph = graph_of(example.code).expect("examples are right");
        for id in nodes_of(&graph, op) {
            let use_of_op = Use::at(&graph, id);
            for law in (op.laws)(&use_of_op.attrs) {
                use_of_op.check_law(*law, example);
            }
        }
    }
}

pub fn examples() -> impl Iterator<Item = (&'static OpDef, &'static Example)> {
    all().flat_map(|op| op.examples.iter().map(move |example| (op, example)))
}

pub fn nodes_of(graph: &Graph, op: &'static OpDef) -> Vec<Id> {
    graph.ids().filter(|id| graph.node(*id).kind == Kind::Op(op)).collect()
}

/// One node taken out of its graph, with the numbers that go in.
struct Use {
    op: &'static OpDef,
    attrs: Attrs,
    inputs: Vec<Option<(Fact, Tensor)>>,
}

impl Use {
    fn at(graph: &Graph, id: Id) -> Use {
        let Node { kind: Kind::Op(op), attrs, .. } = graph.node(id).clone() else { panic!("not an op") };
        let inputs = graph.inputs(id);
        let mut before = graph.clone();
        before.outputs = inputs.iter().flatten().enumerate().map(|(slot, id)| saved(*id, slot)).collect();
        let mut values = if before.outputs.is_empty() { Vec::new() } else { run(before, DType::F64, &HashMap::new()) };
        values.reverse();
        let mut value = |id: Id| (graph.node(id).fact.clone(), values.pop().expect("an output for each input"));
        let inputs = inputs.into_iter().map(|id| id.map(&mut value)).collect();
        Use { op, attrs, inputs }
    }

    /// The slots of real numbers that may move: no truths, no lone numbers (an exponent stays what it is).
    fn trainable(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.inputs.len()).filter(|slot| {
            self.inputs[*slot].as_ref().is_some_and(|(fact, _)| {
                fact.rank() > 0 && !fact.domain.is_index() && !fact.domain.is_a(&Domain::Binary)
            })
        })
    }

    /// The op alone, its inputs as weights where they may move; the loss is its result weighed by numbers that differ.
    fn alone(&self, trained: Option<usize>) -> (Graph, Id) {
        let mut graph = Graph::new();
        let inputs: Vec<Option<Id>> = self
            .inputs
            .iter()
            .enumerate()
            .map(|(slot, input)| {
                let (fact, value) = input.as_ref()?;
                let origin = Origin::default();
                if trained == Some(slot) {
                    let fact = Fact { trainable: true, ..fact.clone() };
                    return Some(graph.leaf(Kind::Weight { path: "w".into(), trained: true }, fact, origin));
                }
                let value = if self.trainable().any(|other| other == slot) { moved(value) } else { value.clone() };
                Some(graph.constant(
                    Literal { shape: value.dims().to_vec(), data: numbers(&value) },
                    fact.domain.clone(),
                    origin,
                ))
            })
            .collect();
        let result =
            graph.apply(self.op, &inputs, self.attrs.clone(), Origin::default()).expect("it was applied before");
        (graph, result)
    }

    fn value(&self, graph: &Graph, id: Id, weight: &Tensor) -> Tensor {
        let mut graph = graph.clone();
        graph.outputs = vec![saved(id, 0)];
        run(graph, DType::F64, &HashMap::from([("w".to_string(), weight.clone())])).remove(0)
    }

    /// Whether the input at `slot` has a gradient; if it has, it must be right.
    fn check_gradient(&self, slot: usize, example: &Example) -> bool {
        if !self.trainable().any(|other| other == slot) {
            return false;
        }
        let (_, value) = self.inputs[slot].as_ref().expect("a slot that may move is there");
        let at = moved(value);
        let (forward, result) = self.alone(Some(slot));
        let shape = self.value(&forward, result, &at).dims().to_vec();
        let weights: Vec<f64> = (0..shape.iter().product()).map(|i| ((i * 7 + 3) % 11) as f64 / 11.0 - 0.4).collect();
        let loss = |y: &Tensor| numbers(y).iter().zip(&weights).map(|(y, weight)| y * weight).sum::<f64>();

        let mut backward = forward.clone();
        let literal = Literal { shape, data: weights.clone() };
        let weight = backward.constant(literal, Domain::Real, Origin::default());
        let mut apply = |name: &str, inputs: &[Ref]| {
            let inputs: Vec<Option<Ref>> = inputs.iter().copied().map(Some).collect();
            backward
                .apply(find(name).expect("a known op"), &inputs, Attrs::new(), Origin::default())
                .expect("real numbers")
        };
        let weighed = apply("mul", &[result, weight]);
        let total = apply("sum", &[weighed]);
        backward.outputs = vec![Output { role: Role::Loss, name: "loss".into(), nodes: vec![total], span: None }];
        differentiate(&mut backward).expect("gradients are right");
        let Some(gradient) = backward.output(&Role::Gradient, "w").map(|output| output.nodes[0]) else { return false };
        let found = numbers(&self.value(&backward, gradient, &at));

        let (start, step) = (numbers(&at), 1e-5);
        for i in 0..start.len() {
            let shifted = |by: f64| {
                let mut data = start.clone();
                data[i] += by;
                let weight = Tensor::from_vec(data, at.dims(), &Device::Cpu).expect("as many numbers");
                loss(&self.value(&forward, result, &weight))
            };
            let expected = (shifted(step) - shifted(-step)) / (2.0 * step);
            // The quotient itself is off by its step squared and by rounding over the step.
            let allowed = 1e-7 * (1.0 + expected.abs());
            let apart = (found[i] - expected).abs();
            let name = self.op.name;
            assert!(
                apart <= allowed,
                "`{name}`, input {slot}, number {i}: {} instead of {expected}: {}",
                found[i],
                example.code
            );
        }
        true
    }

    /// The gradient by `slot`, weighed, differentiated again and held against its own differences.
    fn check_second(&self, slot: usize, example: &Example) -> Second {
        let (_, value) = self.inputs[slot].as_ref().expect("a slot that may move is there");
        let at = moved(value);
        let (mut graph, result) = self.alone(Some(slot));
        let shape = self.value(&graph, result, &at).dims().to_vec();
        let weigh = |graph: &mut Graph, id: Id, shape: Vec<usize>, turn: usize| {
            let data = (0..shape.iter().product()).map(|i| ((i * 7 + turn) % 11) as f64 / 11.0 - 0.4).collect();
            let weight = graph.constant(Literal { shape, data }, Domain::Real, Origin::default());
            let mut apply = |name: &str, inputs: &[Ref]| {
                let inputs: Vec<Option<Ref>> = inputs.iter().copied().map(Some).collect();
                let op = find(name).expect("a known op");
                graph.apply(op, &inputs, Attrs::new(), Origin::default()).expect("real numbers")
            };
            let weighed = apply("mul", &[id, weight]);
            apply("sum", &[weighed])
        };
        let loss = weigh(&mut graph, result, shape, 3);
        let weight = graph.ids().find(|id| matches!(graph.node(*id).kind, Kind::Weight { .. })).expect("a weight");
        let first = match gradients(&mut graph, loss, &[weight]) {
            Ok(found) => found[0],
            Err(error) => panic!("`{}`: {error}", self.op.name),
        };
        let Some(first) = first else { return Second::Constant };
        let objective = weigh(&mut graph, first, at.dims().to_vec(), 5);
        let forward = graph.clone();
        graph.outputs = vec![Output { role: Role::Loss, name: "loss".into(), nodes: vec![objective], span: None }];
        let report = differentiate(&mut graph).expect("gradients are right");
        if !report.unknown.is_empty() {
            return Second::Unknown;
        }
        let Some(second) = graph.output(&Role::Gradient, "w").map(|output| output.nodes[0]) else {
            return Second::Constant;
        };
        let found = numbers(&self.value(&graph, second, &at));
        let (start, step) = (numbers(&at), 1e-5);
        for i in 0..start.len() {
            let shifted = |by: f64| {
                let mut data = start.clone();
                data[i] += by;
                let weight = Tensor::from_vec(data, at.dims(), &Device::Cpu).expect("as many numbers");
                numbers(&self.value(&forward, objective, &weight))[0]
            };
            let expected = (shifted(step) - shifted(-step)) / (2.0 * step);
            let apart = (found[i] - expected).abs();
            let what = format!("`{}`, input {slot}, number {i}: {} instead of {expected}", self.op.name, found[i]);
            assert!(apart <= 1e-6 * (1.0 + expected.abs()), "{what}: {}", example.code);
        }
        Second::Checked
    }

    /// The result with other numbers at `slot`; `None` where the op refuses them.
    fn with(&self, slot: usize, value: Tensor) -> Option<(Fact, Tensor)> {
        let mut other = Use { op: self.op, attrs: self.attrs.clone(), inputs: self.inputs.clone() };
        let (fact, _) = other.inputs[slot].take()?;
        other.inputs[slot] = Some((fact, value));
        Some(other.result())
    }

    fn result(&self) -> (Fact, Tensor) {
        let mut graph = Graph::new();
        let inputs: Vec<Option<Id>> = self
            .inputs
            .iter()
            .map(|input| {
                let (fact, value) = input.as_ref()?;
                let literal = Literal { shape: value.dims().to_vec(), data: numbers(value) };
                Some(graph.constant(literal, fact.domain.clone(), Origin::default()))
            })
            .collect();
        let id = graph.apply(self.op, &inputs, self.attrs.clone(), Origin::default()).expect("it was applied before");
        let fact = graph.node(id).fact.clone();
        graph.outputs = vec![saved(id, 0)];
        (fact, run(graph, DType::F64, &HashMap::new()).remove(0))
    }

    fn check_law(&self, law: Law, example: &Example) {
        let what = format!("{law:?} of `{}`: {}", self.op.name, example.code);
        let (fact, result) = self.result();
        let full = |slot: usize, value: f64| {
            let (_, tensor) = self.inputs[slot].as_ref().expect("a law is about an input that is there");
            (tensor.ones_like().expect("ones") * value).expect("a multiple")
        };
        match law {
            Law::Neutral { slot, value } => {
                let (_, found) = self.with(slot, full(slot, value)).expect("a required input");
                let (_, other) = self.inputs[1 - slot].as_ref().expect("two inputs");
                assert_eq!(numbers(&found), numbers(&other.broadcast_as(found.dims()).expect(&what)), "{what}");
            }
            Law::Zero { slot } => {
                let (_, found) = self.with(slot, full(slot, 0.0)).expect("a required input");
                assert!(numbers(&found).iter().all(|number| *number == 0.0), "{what}");
            }
            Law::Zeros => assert!(numbers(&result).iter().all(|number| *number == 0.0), "{what}"),
            Law::Involution | Law::Last => {
                let mut again = Use { op: self.op, attrs: self.attrs.clone(), inputs: self.inputs.clone() };
                let (_, first) = self.inputs[0].clone().expect("a required input");
                again.inputs[0] = Some((fact, result.clone()));
                let (_, found) = again.result();
                assert_eq!(numbers(&found), numbers(if law == Law::Last { &result } else { &first }), "{what}");
            }
            Law::Stop => {
                let (_, first) = self.inputs[0].as_ref().expect("a required input");
                assert_eq!(numbers(&result), numbers(first), "{what}");
            }
            Law::SameDims => {
                let (before, first) = self.inputs[0].as_ref().expect("a required input");
                if before.dims == fact.dims && before.domain == fact.domain {
                    assert_eq!(numbers(&result), numbers(first), "{what}");
                }
            }
        }
    }
}

/// What became of a second derivative.
enum Second {
    Checked,
    /// The first does not change.
    Constant,
    Unknown,
}

/// Numbers a little larger, each by another amount: off every corner, no two alike.
fn moved(value: &Tensor) -> Tensor {
    let data = numbers(value).into_iter().enumerate().map(|(i, x)| x + 0.05 + 0.1 * ((i * 37 % 101) as f64 / 101.0));
    Tensor::from_vec(data.collect::<Vec<f64>>(), value.dims(), &Device::Cpu).expect("as many numbers")
}

pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.to_dtype(DType::F64).and_then(|tensor| tensor.flatten_all());
    flat.and_then(|flat| flat.to_vec1()).expect("numbers of a tensor")
}

pub fn saved(id: Id, number: usize) -> Output {
    Output { role: Role::Save, name: number.to_string(), nodes: vec![id], span: None }
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        Err(std::io::Error::other(format!("an example reads {}", path.display())))
    }
}

/// The graph of an expression of the language, or what is wrong with it, each problem with its help.
pub fn graph_of(code: &str) -> Result<Graph, String> {
    graph_with("", code)
}

/// The same, of an expression that needs what stands before it: `use` lines.
pub fn graph_with(head: &str, code: &str) -> Result<Graph, String> {
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let text = format!("{head}\nlet example = {code}");
    let program = load("example", &text, &[], &NoFiles, &mut sources, &mut problems);
    let lowered = lower_expression(&program, &mut problems);
    let words = |problem: &wsss::diag::Diagnostic| {
        let help = problem.help.iter().map(|help| format!("\n  help: {help}")).collect::<String>();
        format!("{}: {}{help}", problem.code.slug(), problem.message)
    };
    match lowered {
        Some(lowered) if !problems.has_errors() => Ok(lowered.graph),
        _ => Err(problems.iter().map(words).collect::<Vec<_>>().join("\n")),
    }
}

/// Runs a graph; every result must have the shape and the kind of number that was inferred.
pub fn run(graph: Graph, dtype: DType, weights: &HashMap<String, Tensor>) -> Vec<Tensor> {
    struct Weights<'a>(&'a HashMap<String, Tensor>);
    impl Leaves for Weights<'_> {
        fn field(&self, _: &str) -> Option<Tensor> {
            None
        }
        fn weight(&self, path: &str) -> Option<Tensor> {
            self.0.get(path).cloned()
        }
        fn state(&self, _: &str) -> Option<Tensor> {
            None
        }
        fn clock(&self, _: Clock) -> Option<f64> {
            None
        }
    }
    let graph = verify::verify(graph).unwrap_or_else(|broken| panic!("{broken}"));
    let interpreter = Interpreter::new(graph, dtype, &Device::Cpu).expect("constants fit");
    let draw = Draw { seed: 1, epoch: 0, samples: (0..64).collect() };
    let context = Context { dims: Default::default(), dtype, device: Device::Cpu, draw };
    let options = Options { shapes: true, ..Options::default() };
    let results = interpreter.run(&Weights(weights), &context, options).unwrap_or_else(|error| panic!("{error}"));
    results.into_iter().map(|mut tensors| tensors.remove(0)).collect()
}

/// Numbers in nested brackets, rounded to four digits.
pub fn printed(tensor: &Tensor) -> String {
    fn nested(dims: &[usize], numbers: &[f64]) -> String {
        let Some((&length, inner)) = dims.split_first() else {
            let rounded = format!("{:.4}", numbers[0]);
            let short = rounded.trim_end_matches('0').trim_end_matches('.');
            return if short == "-0" { "0".to_string() } else { short.to_string() };
        };
        let size = inner.iter().product();
        let rows: Vec<String> = (0..length).map(|row| nested(inner, &numbers[row * size..][..size])).collect();
        format!("[{}]", rows.join(" "))
    }
    nested(tensor.dims(), &numbers(tensor))
}

/// The inferred type of each expression, a line each; or what is said against it.
#[track_caller]
fn check(codes: &[&str], expected: Expect) {
    let line = |code: &&str| match graph_of(code) {
        Ok(graph) => format!("{code}\n  {}\n", graph.node(graph.outputs[0].nodes[0]).fact),
        Err(problems) => format!("{code}\n  {}\n", problems.replace('\n', "\n  ")),
    };
    expected.assert_eq(&codes.iter().map(line).collect::<String>());
}

#[test]
fn ranges_follow_the_numbers() {
    check(
        &[
            r#"1 - tensor([0.5], "unit")"#,
            r#"tensor([0.5], "unit") * tensor([0.5], "unit")"#,
            r#"tensor([0.5], "unit") + tensor([0.5], "unit")"#,
            r#"tensor([7], "image255") / 255"#,
            r#"tensor([7], "image") * (1 - tensor([0.5], "unit"))"#,
            r#"relu(tensor([1], "logit"))"#,
            r#"sigmoid(tensor([1], "logit"))"#,
            r#"softmax(tensor([[1, 2]], "logit"))"#,
            r#"exp(log_softmax(tensor([[1, 2]], "logit")))"#,
            r#"log(softmax(tensor([[1, 2]], "logit")))"#,
            r#"mean(tensor([[1, 2]], "logit"), axes = 1)"#,
            r#"mean(tensor([0, 1], "tags"))"#,
            r#"tensor([1, 2]) > 1"#,
            r#"argmax(tensor([[1, 2, 3]]))"#,
            r#"one_hot(argmax(tensor([[1, 2, 3]])))"#,
            r#"maximum(tensor([1], "logit"), 0)"#,
        ],
        expect![[r#"
            1 - tensor([0.5], "unit")
              unit[1]
            tensor([0.5], "unit") * tensor([0.5], "unit")
              unit[1]
            tensor([0.5], "unit") + tensor([0.5], "unit")
              unit[1]
            tensor([7], "image255") / 255
              unit[1]
            tensor([7], "image") * (1 - tensor([0.5], "unit"))
              image[1]
            relu(tensor([1], "logit"))
              unit[1]
            sigmoid(tensor([1], "logit"))
              unit[1]
            softmax(tensor([[1, 2]], "logit"))
              prob[1, 2]
            exp(log_softmax(tensor([[1, 2]], "logit")))
              prob[1, 2]
            log(softmax(tensor([[1, 2]], "logit")))
              log_prob[1, 2]
            mean(tensor([[1, 2]], "logit"), axes = 1)
              logit[1]
            mean(tensor([0, 1], "tags"))
              unit[]
            tensor([1, 2]) > 1
              binary[2]
            argmax(tensor([[1, 2, 3]]))
              index(3)[1]
            one_hot(argmax(tensor([[1, 2, 3]])))
              binary[1, 3]
            maximum(tensor([1], "logit"), 0)
              unit[1]
        "#]],
    );
}

#[test]
fn what_is_refused() {
    check(
        &[
            r#"sigmoid(tensor([0.5], "prob"))"#,
            r#"softmax(sigmoid(tensor([[1, 2]], "logit")))"#,
            r#"log(tensor([1], "logit"))"#,
            r#"argmax(tensor([[1, 2]])) + 1"#,
            r#"mean(argmax(tensor([[1, 2]])))"#,
            r#"not tensor([0.5])"#,
            r#"tensor([1, 2]) and tensor([1, 0], "binary")"#,
            r#"tensor([1, 2]) + tensor([1, 2, 3])"#,
            r#"tensor([1], "image") + tensor([1], "image255")"#,
            r#"sum(tensor([1, 2]), axes = 1)"#,
            r#"sum(tensor([[1, 2]]), axes = [0, -2])"#,
            r#"clamp(tensor([1]), lo = 1, hi = 0)"#,
            r#"slice(tensor([1, 2]), axis = 0, start = 1, length = 2)"#,
            r#"squeeze(tensor([1, 2]), axis = 0)"#,
            r#"reshape(tensor([1, 2]), [3])"#,
            r#"expand(tensor([1, 2]), [3])"#,
            r#"permute(tensor([[1, 2]]), [0])"#,
            r#"concat([tensor([[1]]), tensor([[1], [2]])])"#,
            r#"one_hot(tensor([1]))"#,
            r#"pick(tensor([[1, 2]]), argmax(tensor([[1, 2, 3]])))"#,
            r#"gather(tensor([[1, 2]]), argmax(tensor([[1, 2], [3, 4]])))"#,
            r#"top_mean(tensor([[1, 2]]))"#,
            r#"top_mean(tensor([[1, 2]]), count = 3)"#,
            r#"top_mean(tensor([[1, 2]]), fraction = 0)"#,
            r#"elu(tensor([1]), alpha = 0)"#,
            r#"where(tensor([1], "binary"), argmax(tensor([[1]])), tensor([1]))"#,
        ],
        expect![[r#"
            sigmoid(tensor([0.5], "prob"))
              domain-mismatch: `sigmoid`: expected scores, found prob[1]
                help: this is a probability already: leave `sigmoid` out, or apply it to the scores
            softmax(sigmoid(tensor([[1, 2]], "logit")))
              domain-mismatch: `softmax`: expected scores, found unit[1, 2]
                help: this is a probability already: leave `softmax` out, or apply it to the scores
            log(tensor([1], "logit"))
              domain-mismatch: `log`: expected numbers above 0, found logit[1]
                help: `log_softmax` and `log_sigmoid` make logarithms of scores, exact where a probability vanishes
            argmax(tensor([[1, 2]])) + 1
              domain-mismatch: `+ - * /`: expected real numbers, found index(2)[1]
                help: `one_hot` makes a channel of each class; class numbers are compared with `==`
            mean(argmax(tensor([[1, 2]])))
              domain-mismatch: `mean`: expected real numbers, found index(2)[1]
                help: `one_hot` makes a channel of each class; class numbers are compared with `==`
            not tensor([0.5])
              domain-mismatch: `not`: expected zeros and ones, found real[1]
                help: a comparison makes them: `x > 0.5`
            tensor([1, 2]) and tensor([1, 0], "binary")
              domain-mismatch: `and`: expected zeros and ones, found real[2]
                help: a comparison makes them: `x > 0.5`
            tensor([1, 2]) + tensor([1, 2, 3])
              dimension-mismatch: `+`: real[2] and real[3] do not go together: 2 against 3
                help: `wsss doc add` says what it takes
            tensor([1], "image") + tensor([1], "image255")
              image-scale-mismatch: `+`: image[1] and image255[1] are pictures of different colour scales
                help: bring both to one scale first
            sum(tensor([1, 2]), axes = 1)
              out-of-range: `sum`: there is no axis 1 where there are 1
                help: axes are counted from 0 to 0, or from -1 back to -1
            sum(tensor([[1, 2]]), axes = [0, -2])
              out-of-range: `sum`: `axes` has axis 0 twice
                help: `wsss doc sum` says what it takes
            clamp(tensor([1]), lo = 1, hi = 0)
              out-of-range: `clamp`: `lo` is 1, above `hi`, which is 0
                help: `wsss doc clamp` says what it takes
            slice(tensor([1, 2]), axis = 0, start = 1, length = 2)
              out-of-range: `slice`: from 1 to 3 is not a part of an axis of 2
                help: `wsss doc slice` says what it takes
            squeeze(tensor([1, 2]), axis = 0)
              dimension-mismatch: `squeeze`: axis 0 of real[2] has length 2, not 1
                help: `mean`, `max` and `sum` fold longer axes
            reshape(tensor([1, 2]), [3])
              dimension-mismatch: `reshape`: real[2] has 2 numbers, the new shape 3
                help: `wsss doc reshape` says what it takes
            expand(tensor([1, 2]), [3])
              dimension-mismatch: `expand`: real[2] and real[3] do not go together: 2 against 3
                help: `wsss doc expand` says what it takes
            permute(tensor([[1, 2]]), [0])
              rank-mismatch: `permute`: `axes` names 1 of 2 axes
                help: `wsss doc permute` says what it takes
            concat([tensor([[1]]), tensor([[1], [2]])])
              dimension-mismatch: `concat`: real[1, 1] and real[2, 1] do not go together: 1 against 2
                help: `wsss doc concat` says what it takes
            one_hot(tensor([1]))
              domain-mismatch: `one_hot`: expected class numbers, found real[1]
                help: `argmax` makes class numbers of scores
            pick(tensor([[1, 2]]), argmax(tensor([[1, 2, 3]])))
              dimension-mismatch: `pick`: real[1, 2] and index(3)[1] do not go together: 2 against 3
                help: `wsss doc pick` says what it takes
            gather(tensor([[1, 2]]), argmax(tensor([[1, 2], [3, 4]])))
              dimension-mismatch: `gather`: real[1, 2] and index(2)[2] do not go together: 1 against 2
                help: `wsss doc gather` says what it takes
            top_mean(tensor([[1, 2]]))
              missing-argument: `top_mean`: `fraction` or `count` must be given
                help: `wsss doc top_mean` says what it takes
            top_mean(tensor([[1, 2]]), count = 3)
              out-of-range: `top_mean`: `count` must be from 1 to 2, it is 3
                help: `wsss doc top_mean` says what it takes
            top_mean(tensor([[1, 2]]), fraction = 0)
              out-of-range: `top_mean`: `fraction` must be above 0 and at most 1, it is 0
                help: `wsss doc top_mean` says what it takes
            elu(tensor([1]), alpha = 0)
              out-of-range: `elu`: `alpha` must be above 0, it is 0
                help: `wsss doc elu` says what it takes
            where(tensor([1], "binary"), argmax(tensor([[1]])), tensor([1]))
              domain-mismatch: `where`: expected class numbers on both sides, found real[1]
                help: `wsss doc where` says what it takes
        "#]],
    );
}

#[test]
fn windows_and_matrices_have_their_lengths() {
    check(
        &[
            r#"conv2d(tensor([[[[1, 2, 3]]]], "image"), tensor([[[[1, 1, 1]]]]), padding = [0, 1])"#,
            r#"conv2d(tensor([[[[1, 2, 3]]]], "image"), tensor([[[[1, 1, 1]]]]), padding = "same", stride = 2)"#,
            r#"max_pool(tensor([[[[0.1, 0.9]]]], "prob"), kernel = [1, 2])"#,
            r#"avg_pool(tensor([[[[0, 1]]]], "binary"), kernel = [1, 2])"#,
            r#"resize(tensor([[[[0, 1]]]], "binary"), size = [3, 4], align_corners = false)"#,
            r#"resize(softmax(tensor([[[[0, 1]]]], "logit")), size = [3, 4], align_corners = true)"#,
            r#"resize(argmax(tensor([[[[0, 1]]]])), size = [3, 4], mode = "nearest")"#,
            r#"matmul(tensor([[1, 2]], "unit"), tensor([[1], [2]], "unit"))"#,
            r#"dropout(tensor([[0.5]], "unit"))"#,
            r#"batch_normalize(tensor([[1], [2]]))"#,
        ],
        expect![[r#"
            conv2d(tensor([[[[1, 2, 3]]]], "image"), tensor([[[[1, 1, 1]]]]), padding = [0, 1])
              feature[1, 1, 1, 3]
            conv2d(tensor([[[[1, 2, 3]]]], "image"), tensor([[[[1, 1, 1]]]]), padding = "same", stride = 2)
              feature[1, 1, 1, 2]
            max_pool(tensor([[[[0.1, 0.9]]]], "prob"), kernel = [1, 2])
              unit[1, 1, 1, 1]
            avg_pool(tensor([[[[0, 1]]]], "binary"), kernel = [1, 2])
              unit[1, 1, 1, 1]
            resize(tensor([[[[0, 1]]]], "binary"), size = [3, 4], align_corners = false)
              unit[1, 1, 3, 4]
            resize(softmax(tensor([[[[0, 1]]]], "logit")), size = [3, 4], align_corners = true)
              prob[1, 1, 3, 4]
            resize(argmax(tensor([[[[0, 1]]]])), size = [3, 4], mode = "nearest")
              index(1)[1, 3, 4]
            matmul(tensor([[1, 2]], "unit"), tensor([[1], [2]], "unit"))
              nonneg[1, 1]
            dropout(tensor([[0.5]], "unit"))
              unit[1, 1]
            batch_normalize(tensor([[1], [2]]))
              feature[2, 1]
        "#]],
    );
}

#[test]
fn windows_and_matrices_that_do_not_fit() {
    check(
        &[
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]], [[1]]]]))"#,
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), groups = 2)"#,
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), tensor([1, 2]))"#,
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1, 1, 1]]]]))"#,
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), stride = 0)"#,
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), padding = "valid")"#,
            r#"conv2d(tensor([[1, 2]]), tensor([[[[1]]]]))"#,
            r#"max_pool(tensor([[[[1, 2]]]]), kernel = 2, padding = 2)"#,
            r#"max_pool(tensor([[[[1, 2]]]]), kernel = 3)"#,
            r#"resize(argmax(tensor([[[[0, 1]]]])), size = [3, 4])"#,
            r#"resize(tensor([[1, 2]]), size = [0, 4])"#,
            r#"resize(tensor([[1, 2]]), size = [4])"#,
            r#"resize(tensor([[1, 2]]), size = [3, 4], mode = "nearest", align_corners = true)"#,
            r#"resize(tensor([[1, 2]]), size = [3, 4], factor = -2)"#,
            r#"resize(tensor([[1, 2]]), size = [3, 4])"#,
            r#"matmul(tensor([[1, 2]]), tensor([[1, 2]]))"#,
            r#"matmul(tensor([1, 2]), tensor([[1, 2]]))"#,
            r#"dropout(tensor([[1, 2]]), p = 1)"#,
            r#"normalize(tensor([[1, 2]]), tensor([1]), tensor([1]))"#,
            r#"batch_normalize(tensor([[1, 2]]), eps = -1)"#,
            r#"channel_stats(tensor([1, 2]))"#,
        ],
        expect![[r#"
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]], [[1]]]]))
              dimension-mismatch: `conv2d`: a weight real[1, 2, 1, 1] does not fit the 1 channels of real[1, 1, 1, 2]
                help: `wsss doc conv2d` says what it takes
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), groups = 2)
              dimension-mismatch: `conv2d`: a weight real[1, 1, 1, 1] in 2 groups does not fit the 1 channels of real[1, 1, 1, 2]
                help: `wsss doc conv2d` says what it takes
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), tensor([1, 2]))
              dimension-mismatch: `conv2d`: expected one number for each of 1 outputs, found real[2]
                help: `wsss doc conv2d` says what it takes
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1, 1, 1]]]]))
              dimension-mismatch: `conv2d`: a width of 2 leaves no room for the kernel
                help: a larger `padding` makes room
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), stride = 0)
              out-of-range: `conv2d`: `stride` must be at least 1, it is 0
                help: `wsss doc conv2d` says what it takes
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), padding = "valid")
              out-of-range: `conv2d`: `padding` cannot be "valid"
                help: choices: `same`
            conv2d(tensor([[1, 2]]), tensor([[[[1]]]]))
              rank-mismatch: `conv2d`: `x` must have 4 axes, this is real[1, 2]
                help: `wsss doc conv2d` says what it takes
            max_pool(tensor([[[[1, 2]]]]), kernel = 2, padding = 2)
              out-of-range: `max_pool`: `padding` is 2, more than half the kernel of 2
                help: `wsss doc max_pool` says what it takes
            max_pool(tensor([[[[1, 2]]]]), kernel = 3)
              dimension-mismatch: `max_pool`: a height of 1 leaves no room for the kernel
                help: a larger `padding` makes room
            resize(argmax(tensor([[[[0, 1]]]])), size = [3, 4])
              index-interpolation: `resize`: class numbers cannot be blended, found index(1)[1, 1, 2]
                help: `mode = "nearest"` keeps them whole
            resize(tensor([[1, 2]]), size = [0, 4])
              out-of-range: `resize`: `size` must be at least 1, it is 0
                help: `wsss doc resize` says what it takes
            resize(tensor([[1, 2]]), size = [4])
              out-of-range: `resize`: `size` must be `[height, width]`
                help: `wsss doc resize` says what it takes
            resize(tensor([[1, 2]]), size = [3, 4], mode = "nearest", align_corners = true)
              out-of-range: `resize`: `align_corners` is for "bilinear" without a `factor`
                help: `wsss doc resize` says what it takes
            resize(tensor([[1, 2]]), size = [3, 4], factor = -2)
              out-of-range: `resize`: `factor` must be above 0, it is -2
                help: `wsss doc resize` says what it takes
            resize(tensor([[1, 2]]), size = [3, 4])
              missing-argument: `resize`: `align_corners` must be stated: the numbers of the result depend on it
                help: add `align_corners = false` (corners of images together, what `resize_like` does) or `true`
            matmul(tensor([[1, 2]]), tensor([[1, 2]]))
              dimension-mismatch: `matmul`: real[1, 2] and real[1, 2] do not go together: 2 against 1
                help: `wsss doc matmul` says what it takes
            matmul(tensor([1, 2]), tensor([[1, 2]]))
              rank-mismatch: `matmul`: expected a matrix, found real[2]
                help: `wsss doc matmul` says what it takes
            dropout(tensor([[1, 2]]), p = 1)
              out-of-range: `dropout`: `p` must be at least 0 and below 1, it is 1
                help: `wsss doc dropout` says what it takes
            normalize(tensor([[1, 2]]), tensor([1]), tensor([1]))
              dimension-mismatch: `normalize`: expected one number for each of 2 channels, found real[1]
                help: `wsss doc normalize` says what it takes
            batch_normalize(tensor([[1, 2]]), eps = -1)
              out-of-range: `batch_normalize`: `eps` must not be negative, it is -1
                help: `wsss doc batch_normalize` says what it takes
            channel_stats(tensor([1, 2]))
              rank-mismatch: `channel_stats`: expected channels, found real[2]
                help: `wsss doc channel_stats` says what it takes
        "#]],
    );
}

//! Trees of any shape, for the laws: what is printed is read back, formatting twice is formatting once, comments stay.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::ast::*;
use crate::source::Span;

fn nowhere() -> Span {
    Span::default()
}

/// Names, the words that begin statements among them.
fn name() -> impl Strategy<Value = Name> {
    const WORDS: &[&str] = &[
        "a",
        "b",
        "_x1",
        "image",
        "loss",
        "data",
        "step",
        "each",
        "show",
        "save",
        "metric",
        "layer",
        "weight",
        "state",
        "rates",
        "score",
        "net",
        "train",
        "infer",
        "use",
        "param",
        "variant",
        "supervision",
        "as",
        "from",
        "until",
        "moves",
        "epoch",
        "decay",
        "truth",
        "android",
        "a_long_name_of_something",
    ];
    select(WORDS).prop_map(|word| Name::new(word, nowhere()))
}

/// The one reserved word that stands where a name does: `supervision none`.
fn level() -> impl Strategy<Value = Name> {
    prop_oneof![3 => name(), 1 => Just(Name::new("none", nowhere()))]
}

fn names() -> impl Strategy<Value = Vec<Name>> {
    vec(name(), 0..4)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just("sec. 4.2".to_owned()), "[ -~\n\té\r\u{3042}]{0,12}"]
}

fn doc() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![Just(String::new()), Just("  what it is: `x / y`".to_owned()), Just("/ // \"a".to_owned())];
    prop_oneof![3 => Just(Vec::new()), 1 => vec(line, 1..3)]
}

fn made(kind: ExprKind) -> Expr {
    Expr::new(kind, nowhere())
}

fn number() -> impl Strategy<Value = ExprKind> {
    select(["0", "1", "448", "0.5", "0.10", "5e-4", "1_000", "1E6"].as_slice()).prop_map(|text| ExprKind::Number {
        value: text.replace('_', "").parse().expect("a number of the list"),
        text: text.to_owned(),
    })
}

fn quantity() -> impl Strategy<Value = ExprKind> {
    (number(), select(Unit::ALL.as_slice())).prop_map(|(number, unit)| match number {
        ExprKind::Number { value, text } => ExprKind::Quantity { value, text, unit },
        other => other,
    })
}

fn leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        3 => number(),
        1 => quantity(),
        1 => text().prop_map(ExprKind::Str),
        1 => any::<bool>().prop_map(ExprKind::Bool),
        1 => Just(ExprKind::Nothing),
        4 => name().prop_map(|name| ExprKind::Name(name.text)),
    ]
    .prop_map(made)
}

fn binary_operator() -> impl Strategy<Value = BinaryOperator> {
    use BinaryOperator::*;
    select(
        [
            Or,
            And,
            Equal,
            NotEqual,
            Less,
            LessEqual,
            Greater,
            GreaterEqual,
            Add,
            Subtract,
            Multiply,
            Divide,
            FloorDivide,
            Remainder,
            Power,
        ]
        .as_slice(),
    )
}

/// Expressions a few levels deep.
pub(super) fn expr() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(4, 40, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let maybe = || option::of(inner.clone()).prop_map(|inner| inner.map(Box::new));
        let setting = || (name(), inner.clone()).prop_map(|(name, value)| Setting { name, value });
        let argument = (option::of(name()), inner.clone()).prop_map(|(name, value)| Argument { name, value });
        let binding = (name(), inner.clone()).prop_map(|(name, value)| Let { name, value, span: nowhere() });
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(ExprKind::List),
            vec(setting(), 0..4).prop_map(ExprKind::Record),
            (boxed(), maybe(), maybe()).prop_map(|(start, end, step)| ExprKind::Range { start, end, step }),
            (boxed(), name(), boxed(), maybe()).prop_map(|(body, name, source, condition)| {
                ExprKind::Comprehension { body, name, source, condition }
            }),
            (boxed(), boxed(), boxed()).prop_map(|(condition, then, otherwise)| ExprKind::If {
                condition,
                then,
                otherwise
            }),
            (names(), boxed()).prop_map(|(parameters, body)| ExprKind::Lambda { parameters, body }),
            (vec(binding, 1..3), boxed()).prop_map(|(lets, value)| ExprKind::Block { lets, value }),
            (boxed(), vec(argument, 0..4)).prop_map(|(callee, arguments)| ExprKind::Call { callee, arguments }),
            (boxed(), boxed()).prop_map(|(value, into)| ExprKind::Pipe { value, into }),
            (boxed(), name()).prop_map(|(base, name)| ExprKind::Field { base, name }),
            (boxed(), boxed()).prop_map(|(base, index)| ExprKind::Index { base, index }),
            (any::<bool>(), boxed()).prop_map(|(not, value)| ExprKind::Unary {
                operator: if not { UnaryOperator::Not } else { UnaryOperator::Negate },
                value,
            }),
            (binary_operator(), boxed(), boxed()).prop_map(|(operator, left, right)| ExprKind::Binary {
                operator,
                left,
                right
            }),
            (boxed(), vec(setting(), 0..3)).prop_map(|(base, fields)| ExprKind::With { base, fields }),
            (boxed(), text()).prop_map(|(value, citation)| ExprKind::Cited {
                value,
                citation,
                citation_span: nowhere()
            }),
        ]
        .prop_map(made)
    })
}

fn type_of() -> impl Strategy<Value = Type> {
    (name(), option::of(name()), option::of(vec(expr(), 0..4))).prop_map(|(domain, by, dims)| Type {
        domain,
        by,
        dims,
        span: nowhere(),
    })
}

fn binding() -> impl Strategy<Value = Let> {
    (name(), expr()).prop_map(|(name, value)| Let { name, value, span: nowhere() })
}

fn setting() -> impl Strategy<Value = Setting> {
    (name(), expr()).prop_map(|(name, value)| Setting { name, value })
}

fn path() -> impl Strategy<Value = Name> {
    let path = select(
        ["oc", "oc.head", "net.layer1.0.conv1.weight", "*", "*.bias", "oc.*.bias", "oc.layer*.0", "o*c"].as_slice(),
    );
    path.prop_map(|path| Name::new(path, nowhere()))
}

/// What a variant gives a param, of this recipe or of one it uses.
fn override_() -> impl Strategy<Value = Setting> {
    let path = prop_oneof![3 => name(), 1 => (name(), name()).prop_map(|(a, b)| Name::new(format!("{}.{}", a.text, b.text), nowhere()))];
    (path, expr()).prop_map(|(name, value)| Setting { name, value })
}

fn expect() -> impl Strategy<Value = Expect> {
    let figure = || {
        (any::<bool>(), number()).prop_map(|(negative, number)| match negative {
            true => made(ExprKind::Unary { operator: UnaryOperator::Negate, value: Box::new(made(number)) }),
            false => made(number),
        })
    };
    let metric = select(["seeds.iou", "seeds[0].iou", "base.seeds.iou"].as_slice());
    (metric, figure(), option::of(figure()), option::of(text())).prop_map(|(metric, value, tolerance, citation)| {
        Expect { metric: Name::new(metric, nowhere()), value, tolerance, citation, span: nowhere() }
    })
}

fn rate() -> impl Strategy<Value = Setting> {
    (path(), expr()).prop_map(|(name, value)| Setting { name, value })
}

fn parameters() -> impl Strategy<Value = Vec<Parameter>> {
    let parameter = (name(), option::of(type_of()), option::of(expr()));
    vec(parameter.prop_map(|(name, ty, default)| Parameter { name, ty, default }), 0..3)
}

fn function() -> impl Strategy<Value = Function> {
    (name(), parameters(), option::of(type_of()), expr()).prop_map(|(name, parameters, result, body)| Function {
        name,
        parameters,
        result,
        body,
        span: nowhere(),
    })
}

fn member() -> impl Strategy<Value = Member> {
    let tensor = (any::<bool>(), name(), vec(expr(), 0..3), expr(), option::of(expr())).prop_map(
        |(trained, name, dims, init, condition)| MemberKind::Tensor {
            kind: if trained { TensorKind::Weight } else { TensorKind::State },
            name,
            dims,
            init,
            condition,
        },
    );
    let kind = prop_oneof![
        (name(), expr()).prop_map(|(name, value)| MemberKind::Layer { name, value }),
        tensor,
        binding().prop_map(MemberKind::Let),
        function().prop_map(MemberKind::Fn),
    ];
    (doc(), kind).prop_map(|(doc, kind)| Member { doc, kind, span: nowhere() })
}

fn moment() -> impl Strategy<Value = Moment> {
    let unit = select([TimeUnit::Epoch, TimeUnit::Step].as_slice());
    (unit, expr()).prop_map(|(unit, at)| Moment { unit, at })
}

fn loss() -> impl Strategy<Value = StatementKind> {
    let guard = (option::of(moment()), option::of(moment())).prop_map(|(from, until)| Guard { from, until });
    let moves = prop_oneof![2 => Just(Vec::new()), 1 => vec(path(), 0..3)];
    (name(), expr(), guard, moves).prop_map(|(name, value, guard, moves)| StatementKind::Loss {
        name,
        value,
        guard,
        moves,
    })
}

fn when() -> impl Strategy<Value = When> {
    let plateau = (name(), vec(setting(), 0..3)).prop_map(|(loss, choices)| Plateau { loss, choices });
    // Numbers, as recipes have them: a name that begins entries (`rates`), right before the `{` of the fields, begins one.
    let count = || number().prop_map(|kind| Expr::new(kind, nowhere()));
    let moment = || {
        let unit = select([TimeUnit::Epoch, TimeUnit::Step].as_slice());
        (unit, count()).prop_map(|(unit, at)| Moment { unit, at })
    };
    (option::of(moment()), option::of(count()), option::of(moment()), option::of(plateau))
        .prop_map(|(from, every, until, plateau)| When { from, every, until, plateau })
}

/// A memory, or its refresh.
fn remembered() -> impl Strategy<Value = EntryKind> {
    let refresh = (name(), when(), names(), expr());
    prop_oneof![
        (name(), type_of(), expr()).prop_map(|(name, ty, initial)| EntryKind::Memory { name, ty, initial }),
        refresh.prop_map(|(name, when, fields, value)| EntryKind::Refresh {
            name,
            when: Box::new(when),
            fields,
            value
        }),
    ]
}

fn statement() -> impl Strategy<Value = Statement> {
    let kind = prop_oneof![
        binding().prop_map(StatementKind::Let),
        loss(),
        (name(), expr()).prop_map(|(name, value)| StatementKind::Metric { name, value }),
        (name(), expr()).prop_map(|(name, value)| StatementKind::Save { name, value }),
        (name(), option::of(expr())).prop_map(|(name, value)| StatementKind::Show { name, value }),
    ];
    kind.prop_map(|kind| Statement { kind, span: nowhere() })
}

fn body_of() -> impl Strategy<Value = BodyOf> {
    // A number, as in `when`.
    let every = option::of(number().prop_map(|kind| Expr::new(kind, nowhere())));
    prop_oneof![Just(BodyOf::Step), Just(BodyOf::Each), every.prop_map(|every| BodyOf::Validate { every })]
}

fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![
        remembered(),
        setting().prop_map(EntryKind::Setting),
        (name(), expr()).prop_map(|(name, value)| EntryKind::Net { name, value }),
        (select(PathsOf::ALL.as_slice()), vec(rate(), 0..3)).prop_map(|(of, entries)| EntryKind::Paths { of, entries }),
        binding().prop_map(EntryKind::Let),
        (body_of(), names(), vec(statement(), 0..4)).prop_map(|(of, fields, statements)| EntryKind::Body {
            of,
            fields,
            statements
        }),
    ];
    kind.prop_map(|kind| Entry { kind, span: nowhere() })
}

fn item() -> impl Strategy<Value = Item> {
    let family = (name(), expr()).prop_map(|(name, source)| Family { name, source });
    let stage =
        (0..3usize, name(), option::of(family), vec(entry(), 0..4)).prop_map(|(kind, name, family, entries)| Stage {
            kind: [StageKind::Train, StageKind::Infer, StageKind::Score][kind],
            name,
            family,
            entries,
        });
    let net = (name(), parameters(), vec(member(), 0..4));
    let kind = prop_oneof![
        (level(), names()).prop_map(|(level, extras)| ItemKind::Supervision { level, extras }),
        (name(), names()).prop_map(|(module, names)| ItemKind::Use { module, names }),
        (text(), name(), vec(name(), 0..3), vec(override_(), 0..3)).prop_map(|(path, alias, variants, overrides)| {
            ItemKind::UseFile { path, path_span: nowhere(), alias, variants, overrides }
        }),
        (name(), expr(), option::of(expr())).prop_map(|(name, value, range)| ItemKind::Param { name, value, range }),
        (name(), option::of(text()), vec(override_(), 0..4), vec(expect(), 0..3))
            .prop_map(|(name, citation, overrides, expects)| ItemKind::Variant { name, citation, overrides, expects }),
        expect().prop_map(ItemKind::Expect),
        binding().prop_map(ItemKind::Let),
        function().prop_map(ItemKind::Fn),
        net.prop_map(|(name, parameters, members)| ItemKind::Net(Net { name, parameters, members })),
        stage.prop_map(ItemKind::Stage),
    ];
    (doc(), kind).prop_map(|(doc, kind)| Item { doc, kind, span: nowhere() })
}

/// Files of a few items.
pub(super) fn file() -> impl Strategy<Value = File> {
    (doc(), vec(item(), 0..4)).prop_map(|(doc, items)| File { doc, items })
}

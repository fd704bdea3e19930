//! Several steps in one pass: a text is made for each sequence of steps, whose numbers are arguments, so that a sequence is compiled once.

use candle_core::{Result, Tensor};

use super::Call;
use super::packed::packed_of;
use crate::kernels::chain::Link;
use crate::kernels::norm::Channels;
use crate::kernels::packed;
use crate::kernels::pointwise::Unary;

const FUNCTIONS: &str = include_str!("source/functions.cu");

/// As `kernels::chain::run`.
pub fn run(x: &Tensor, links: &[Link]) -> Result<Tensor> {
    let mut made = Made::default();
    let steps: Vec<String> = links.iter().map(|link| made.step(link)).collect();
    let maps: Vec<&Tensor> = [x].into_iter().chain(links.iter().filter_map(Link::other)).collect();
    let like = packed_of(&maps);
    let channels = x.dims().get(1).copied().unwrap_or(1).max(1);
    // Pixels of a packed map are rows of channels.
    let rest = if packed::is(like) { &[] } else { x.dims().get(2..).unwrap_or_default() };
    let plane = rest.iter().product::<usize>().max(1);
    let call = Call::made("", "chain", like).map(x)?.ints(&[channels, plane])?;
    let call = made.arguments.into_iter().try_fold(call, |call, argument| match argument {
        Argument::Map(map) => call.map(&map),
        Argument::Tensor(tensor) => call.tensor(&tensor),
        Argument::Number(number) => Ok(call.number(number)),
    })?;
    let width = call.width(x.elem_count(), channels, plane)?;
    let text = format!(
        "{FUNCTIONS}
typedef Several<{width}> Some;

KERNEL chain(Some *y, unsigned count, const Some *x, unsigned channels, unsigned plane{}) {{
  EACH(i, count) {{
    Some all = x[i]{};
    unsigned first = i * {width} / plane % channels;
    for (unsigned k = 0; k < {width}; k++) {{
      unsigned c = first + (plane == 1 ? k : 0);
      R v = all.at[k];
      {}
      all.at[k] = v;
    }}
    y[i] = all;
  }}
}}
",
        made.parameters,
        made.loads,
        steps.join("\n      "),
    );
    Call { text: text.into(), ..call }.make_map_by(x.dims(), width)
}

/// What the steps so far ask for.
#[derive(Default)]
struct Made {
    parameters: String,
    /// Numbers of maps, read before the steps.
    loads: String,
    arguments: Vec<Argument>,
}

enum Argument {
    Map(Tensor),
    Tensor(Tensor),
    Number(f64),
}

impl Made {
    fn step(&mut self, link: &Link) -> String {
        match link {
            Link::Unary(f) => {
                let value = self.function(*f);
                format!("v = {value};")
            }
            Link::Derivative(f, saved) => {
                let saved = self.map(saved);
                let numbers = self.numbers(*f);
                format!("v = {};", derivative(*f, &saved, &numbers))
            }
            Link::Add(other) => format!("v = v + {};", self.map(other)),
            Link::Sub(other) => format!("v = v - {};", self.map(other)),
            Link::Mul(other) => format!("v = v * {};", self.map(other)),
            Link::Channels(channels) => self.channels(channels),
        }
    }

    fn channels(&mut self, channels: &Channels) -> String {
        let Channels { mean, var, weight, bias, eps } = channels;
        let var = self.tensor(var);
        let eps = self.number(*eps);
        let mut factor = format!("(R)1 / sqrt({var}[c] + {eps})");
        if let Some(weight) = weight {
            factor = format!("{}[c] / sqrt({var}[c] + {eps})", self.tensor(weight));
        }
        let shifted = match mean {
            Some(mean) => format!("(v - {}[c])", self.tensor(mean)),
            None => "v".to_string(),
        };
        match bias {
            Some(bias) => format!("v = {shifted} * ({factor}) + {}[c];", self.tensor(bias)),
            None => format!("v = {shifted} * ({factor});"),
        }
    }

    fn function(&mut self, f: Unary) -> String {
        let numbers = self.numbers(f);
        value(f, &numbers)
    }

    /// The names of the numbers that a function comes with.
    fn numbers(&mut self, f: Unary) -> Vec<String> {
        let given: &[f64] = match &f {
            Unary::Elu { alpha } => &[*alpha],
            Unary::Clamp { lo, hi } => &[*lo, *hi],
            Unary::Affine { scale, shift } => &[*scale, *shift],
            _ => &[],
        };
        given.iter().map(|number| self.number(*number)).collect()
    }

    /// Its number at the place that a thread is at.
    fn map(&mut self, map: &Tensor) -> String {
        let name = format!("t{}", self.arguments.len());
        self.parameters += &format!(", const Some *{name}");
        self.loads += &format!(", all_{name} = {name}[i]");
        self.arguments.push(Argument::Map(map.clone()));
        format!("(R)all_{name}.at[k]")
    }

    fn tensor(&mut self, tensor: &Tensor) -> String {
        let name = format!("t{}", self.arguments.len());
        self.parameters += &format!(", const R *{name}");
        self.arguments.push(Argument::Tensor(tensor.clone()));
        name
    }

    fn number(&mut self, number: f64) -> String {
        let name = format!("n{}", self.arguments.len());
        self.parameters += &format!(", R {name}");
        self.arguments.push(Argument::Number(number));
        name
    }
}

/// `f` of `v`, as `kernels::pointwise::apply` has it.
fn value(f: Unary, numbers: &[String]) -> String {
    use Unary::*;
    match f {
        Neg => "-v".into(),
        Abs => "fabs(v)".into(),
        Exp => "exp(v)".into(),
        Log => "log(v)".into(),
        Sqrt => "sqrt(v)".into(),
        Square => "v * v".into(),
        Recip => "(R)1 / v".into(),
        Relu => "v <= (R)0 ? (R)0 : v".into(),
        Relu6 => "clamped(v, (R)0, (R)6)".into(),
        Sigmoid => "sigmoid(v)".into(),
        Softplus => "softplus(v)".into(),
        LogSigmoid => "-softplus(-v)".into(),
        Tanh => "tanh(v)".into(),
        Gelu => "v * normal_below(v)".into(),
        Elu { .. } => format!("v > (R)0 ? v : {} * expm1(v)", numbers[0]),
        Clamp { .. } => format!("clamped(v, {}, {})", numbers[0], numbers[1]),
        Floor => "floor(v)".into(),
        Half => "half_precision(v)".into(),
        Affine { .. } => format!("{} * v + {}", numbers[0], numbers[1]),
    }
}

/// The gradient `v` times the derivative, as `kernels::pointwise::apply_grad` has it; `s` is what the function saves.
fn derivative(f: Unary, s: &str, numbers: &[String]) -> String {
    use Unary::*;
    match f {
        Neg => "-v".into(),
        Abs => format!("{s} > (R)0 ? v : {s} < (R)0 ? -v : (R)0"),
        Exp => format!("v * {s}"),
        Log => format!("v / {s}"),
        Sqrt => format!("{s} != (R)0 ? v / ((R)2 * {s}) : (R)0"),
        Square => format!("v * (R)2 * {s}"),
        Recip => format!("-v * {s} * {s}"),
        Relu => format!("{s} > (R)0 ? v : (R)0"),
        Relu6 => format!("{s} > (R)0 && {s} < (R)6 ? v : (R)0"),
        Sigmoid => format!("v * {s} * ((R)1 - {s})"),
        Softplus => format!("v * sigmoid({s})"),
        LogSigmoid => format!("v * sigmoid(-{s})"),
        Tanh => format!("v * ((R)1 - {s} * {s})"),
        Gelu => format!("v * (normal_below({s}) + {s} * exp((R)-0.5 * {s} * {s}) * (R)0.3989422804014327)"),
        Elu { .. } => format!("{s} > (R)0 ? v : v * ({s} + {})", numbers[0]),
        Clamp { .. } => format!("{s} >= {} && {s} <= {} ? v : (R)0", numbers[0], numbers[1]),
        Floor | Half => "(R)0".into(),
        Affine { .. } => format!("v * {}", numbers[0]),
    }
}

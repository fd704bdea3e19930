//! Bridge.

use super::Family;
use crate::kernels::conv::{self, Conv2d};
use crate::kernels::norm;
use crate::kernels::pool::{self, Pool2d};
use crate::kernels::resize::{self, Resize};
use crate::ops::prelude::*;

pub(super) static FAMILY: Family = Family {
    name: "networks",
    summary: "What networks are made of.",
    ops: &[&CONV, &CONV_GX, &CONV_GW, &STATS, &BN, &BN_AFF, &BN_GX, &NORM, &NORM_GX, &NORM_AFF, &MAXP, &MAXP_G, &RESIZE, &RESIZE_G, &MATMUL, &AVGP, &AVGP_G],
};

const GEO: [Param; 5] = [
    Param::new("stride", ParamKind::Pair, Preset::Pair([1, 1]), "Step."),
    Param::new("padding", ParamKind::Pair, Preset::Pair([0, 0]), "Zeros around."),
    Param::new("dilation", ParamKind::Pair, Preset::Pair([1, 1]), "Distance of taps."),
    Param::new("groups", ParamKind::Int, Preset::Int(1), "Groups."),
    Param::new("same", ParamKind::Bool, Preset::Bool(false), "TensorFlow's padding."),
];

static CONV: OpDef = OpDef {
    name: "conv2d",
    summary: "A convolution.",
    inputs: &[Input::one("x", "Images."), Input::one("weight", "Kernels."), Input::optional("bias", "Offsets.")],
    params: &GEO,
    output: "Features.",
    infer: |a| {
        let (x, w) = (a.expect_rank(0, 4)?, a.expect_rank(1, 4)?);
        let groups = a.attrs.get_int("groups")?;
        if x.dims[1] != w.dims[1].clone() * Dim::constant(groups) {
            return Err(OpError::new(
                Code::DimensionMismatch,
                format!("`x` has {} channels, the weight takes {}", x.dims[1], w.dims[1].clone() * Dim::constant(groups)),
            )
            .at("x")
            .help("set the layer's `inputs` to the number of channels that arrive"));
        }
        let (s, p, d) = (a.attrs.get_pair("stride")?, a.attrs.get_pair("padding")?, a.attrs.get_pair("dilation")?);
        let same = a.attrs.get_bool("same")?;
        let out = |i: usize| {
            let n = &x.dims[i + 2];
            let k = w.dims[i + 2].as_const().unwrap_or(1);
            if same {
                n.ceil_div(s[i])
            } else {
                (n.clone() + Dim::constant(2 * p[i] - d[i] * (k - 1) - 1)).floor_div(s[i]) + Dim::constant(1)
            }
        };
        Ok(Fact::new(Domain::Feature, vec![x.dims[0].clone(), w.dims[0].clone(), out(0), out(1)]))
    },
    eval: |e| {
        let c = geo(e.attrs, &hw(e.tensor(0)), &hw(e.tensor(1)))?;
        Ok(conv::forward(e.tensor(0), e.tensor(1), e.optional(2), &c)?)
    },
    grad: Gradient::Of(|g| {
        let (x, w, gy) = (g.input(0), g.input(1), g.gradient);
        let gx = match g.wanted[0] {
            true => Some(g.op("conv2d.gx", &[gy, w, x], g.attrs.clone())?),
            false => None,
        };
        let gw = match g.wanted[1] {
            true => Some(g.op("conv2d.gw", &[gy, x, w], g.attrs.clone())?),
            false => None,
        };
        let gb = match g.inputs.get(2).copied().flatten() {
            Some(_) if g.wanted[2] => Some(g.op("sum", &[gy], Attrs::new().ints("axes", [0, 2, 3]))?),
            _ => None,
        };
        Ok(vec![gx, gw, gb])
    }),
    flops: |c| 2 * c.output.iter().product::<usize>() as u64 * c.inputs[1].as_ref().map_or(0, |w| w[1..].iter().product::<usize>()) as u64,
    scratch: |_| 2 << 20,
    ..OpDef::USUAL
};

fn hw(t: &Tensor) -> [usize; 2] {
    let d = t.dims();
    [d[d.len() - 2], d[d.len() - 1]]
}

fn pair(v: [i64; 2]) -> [usize; 2] {
    v.map(|v| v as usize)
}

fn geo(a: &Attrs, input: &[usize; 2], kernel: &[usize; 2]) -> Result<Conv2d, OpError> {
    let (s, p, d) = (pair(a.get_pair("stride")?), pair(a.get_pair("padding")?), pair(a.get_pair("dilation")?));
    let groups = a.get_int("groups")? as usize;
    Ok(if a.get_bool("same")? {
        Conv2d::same(*input, *kernel, s, d, groups)
    } else {
        Conv2d::padded(*input, *kernel, s, p, d, groups)
    })
}

static CONV_GX: OpDef = OpDef {
    name: "conv2d.gx",
    inputs: &[Input::one("gy", ""), Input::one("w", ""), Input::one("x", "")],
    params: &GEO,
    nature: Nature::PLAIN.internal(),
    infer: |a| Ok(Fact::new(Domain::Real, a.fact(2).dims.clone())),
    eval: |e| {
        let c = geo(e.attrs, &hw(e.tensor(2)), &hw(e.tensor(1)))?;
        Ok(conv::grad_input(e.tensor(0), e.tensor(1), hw(e.tensor(2)), &c)?)
    },
    scratch: |_| 2 << 20,
    ..OpDef::USUAL
};

static CONV_GW: OpDef = OpDef {
    name: "conv2d.gw",
    inputs: &[Input::one("gy", ""), Input::one("x", ""), Input::one("w", "")],
    params: &GEO,
    nature: Nature::PLAIN.internal(),
    infer: |a| Ok(Fact::new(Domain::Real, a.fact(2).dims.clone())),
    eval: |e| {
        let c = geo(e.attrs, &hw(e.tensor(1)), &hw(e.tensor(2)))?;
        Ok(conv::grad_weight(e.tensor(0), e.tensor(1), hw(e.tensor(2)), &c)?)
    },
    scratch: |_| 2 << 20,
    ..OpDef::USUAL
};

static STATS: OpDef = OpDef {
    name: "channel_stats",
    summary: "Mean and biased variance of each channel.",
    inputs: &[Input::one("x", "")],
    infer: |a| Ok(Fact::new(Domain::Real, vec![Dim::constant(2), a.fact(0).dims[1].clone()])),
    eval: |e| Ok(norm::channel_stats(e.tensor(0))?),
    grad: Gradient::None("statistics"),
    ..OpDef::USUAL
};

const EPS: [Param; 1] = [Param::new("eps", ParamKind::Float, Preset::Float(1e-5), "Added to the variance.")];

static BN: OpDef = OpDef {
    name: "batch_normalize",
    summary: "By the statistics of the batch.",
    inputs: &[Input::one("x", ""), Input::one("stats", ""), Input::one("weight", ""), Input::one("bias", "")],
    params: &EPS,
    infer: |a| Ok(Fact::new(Domain::Feature, a.fact(0).dims.clone())),
    eval: |e| {
        let s = e.tensor(1);
        Ok(norm::normalize(e.tensor(0), &s.get(0)?, &s.get(1)?, e.optional(2), e.optional(3), e.attrs.get_float("eps")?)?)
    },
    grad: Gradient::Of(|g| {
        let (x, s, w) = (g.input(0), g.input(1), g.input(2));
        let aff = g.op("bn.aff", &[g.gradient, x, s], g.attrs.clone())?;
        let gx = g.op("bn.gx", &[g.gradient, x, s, aff, w], g.attrs.clone())?;
        let (gw, gb) = rows(g, aff)?;
        Ok(vec![Some(gx), None, Some(gw), Some(gb)])
    }),
    ..OpDef::USUAL
};

fn rows(g: &mut Grad, aff: Ref) -> Result<(Ref, Ref), OpError> {
    let c = g.fact(aff).dims[1].clone();
    let mut row = |i: i64| {
        let attrs = Attrs::new().int("axis", 0).dims_of("start", vec![Dim::constant(i)]).dims_of("length", vec![Dim::constant(1)]);
        let r = g.op("slice", &[aff], attrs)?;
        g.op("reshape", &[r], Attrs::new().dims_of("dims", vec![c.clone()]))
    };
    Ok((row(0)?, row(1)?))
}

static BN_AFF: OpDef = OpDef {
    name: "bn.aff",
    inputs: &[Input::one("gy", ""), Input::one("x", ""), Input::one("stats", "")],
    params: &EPS,
    nature: Nature::PLAIN.internal(),
    infer: |a| Ok(Fact::new(Domain::Real, a.fact(2).dims.clone())),
    eval: |e| {
        let s = e.tensor(2);
        Ok(norm::grad_affine(e.tensor(0), e.tensor(1), &s.get(0)?, &s.get(1)?, e.attrs.get_float("eps")?)?)
    },
    ..OpDef::USUAL
};

static BN_GX: OpDef = OpDef {
    name: "bn.gx",
    inputs: &[Input::one("gy", ""), Input::one("x", ""), Input::one("stats", ""), Input::one("aff", ""), Input::one("w", "")],
    params: &EPS,
    nature: Nature::PLAIN.internal(),
    infer: |a| Ok(Fact::new(Domain::Real, a.fact(0).dims.clone())),
    eval: |e| Ok(norm::grad_batch(e.tensor(0), e.tensor(1), e.tensor(2), e.tensor(3), e.optional(4), e.attrs.get_float("eps")?)?),
    ..OpDef::USUAL
};

static NORM: OpDef = OpDef {
    name: "normalize",
    summary: "By given statistics.",
    inputs: &[Input::one("x", ""), Input::one("mean", ""), Input::one("variance", ""), Input::one("weight", ""), Input::one("bias", "")],
    params: &EPS,
    infer: |a| Ok(Fact::new(Domain::Feature, a.fact(0).dims.clone())),
    eval: |e| Ok(norm::normalize(e.tensor(0), e.tensor(1), e.tensor(2), e.optional(3), e.optional(4), e.attrs.get_float("eps")?)?),
    grad: Gradient::Of(|g| {
        let (x, m, v, w) = (g.input(0), g.input(1), g.input(2), g.input(3));
        let gx = g.op("norm.gx", &[g.gradient, v, w], g.attrs.clone())?;
        let aff = g.op("norm.aff", &[g.gradient, x, m, v], g.attrs.clone())?;
        let (gw, gb) = rows(g, aff)?;
        Ok(vec![Some(gx), None, None, Some(gw), Some(gb)])
    }),
    ..OpDef::USUAL
};

static NORM_GX: OpDef = OpDef {
    name: "norm.gx",
    inputs: &[Input::one("gy", ""), Input::one("v", ""), Input::one("w", "")],
    params: &EPS,
    nature: Nature::PLAIN.internal(),
    infer: |a| Ok(Fact::new(Domain::Real, a.fact(0).dims.clone())),
    eval: |e| Ok(norm::grad_fixed(e.tensor(0), e.tensor(1), e.optional(2), e.attrs.get_float("eps")?)?),
    ..OpDef::USUAL
};

static NORM_AFF: OpDef = OpDef {
    name: "norm.aff",
    inputs: &[Input::one("gy", ""), Input::one("x", ""), Input::one("m", ""), Input::one("v", "")],
    params: &EPS,
    nature: Nature::PLAIN.internal(),
    infer: |a| Ok(Fact::new(Domain::Real, vec![Dim::constant(2), a.fact(2).dims[0].clone()])),
    eval: |e| Ok(norm::grad_affine(e.tensor(0), e.tensor(1), e.tensor(2), e.tensor(3), e.attrs.get_float("eps")?)?),
    ..OpDef::USUAL
};

const POOL: [Param; 4] = [
    Param::required("kernel", ParamKind::Pair, "Window."),
    Param::new("stride", ParamKind::Pair, Preset::Pair([1, 1]), "Step."),
    Param::new("padding", ParamKind::Pair, Preset::Pair([0, 0]), "Around."),
    Param::new("ceil", ParamKind::Bool, Preset::Bool(false), "Partly filled windows count."),
];

fn pool_infer(a: &Infer) -> Result<Fact, OpError> {
    let x = a.expect_rank(0, 4)?;
    let (k, s, p) = (a.attrs.get_pair("kernel")?, a.attrs.get_pair("stride")?, a.attrs.get_pair("padding")?);
    let out = |i: usize| (x.dims[i + 2].clone() + Dim::constant(2 * p[i] - k[i])).floor_div(s[i]) + Dim::constant(1);
    Ok(x.with_dims(vec![x.dims[0].clone(), x.dims[1].clone(), out(0), out(1)]))
}

fn pool_of(a: &Attrs) -> Result<Pool2d, OpError> {
    Ok(Pool2d {
        kernel: pair(a.get_pair("kernel")?),
        stride: pair(a.get_pair("stride")?),
        padding: pair(a.get_pair("padding")?),
        ceil: a.get_bool("ceil")?,
    })
}

static MAXP: OpDef = OpDef {
    name: "max_pool",
    summary: "Largest of each window.",
    inputs: &[Input::one("x", "")],
    params: &POOL,
    infer: pool_infer,
    eval: |e| Ok(pool::max(e.tensor(0), &pool_of(e.attrs)?)?),
    grad: Gradient::Of(|g| Ok(vec![Some(g.op("max_pool.gx", &[g.gradient, g.input(0)], g.attrs.clone())?)])),
    ..OpDef::USUAL
};

static MAXP_G: OpDef = OpDef {
    name: "max_pool.gx",
    inputs: &[Input::one("gy", ""), Input::one("x", "")],
    params: &POOL,
    nature: Nature::PLAIN.internal(),
    infer: |a| Ok(Fact::new(Domain::Real, a.fact(1).dims.clone())),
    eval: |e| Ok(pool::max_grad(e.tensor(0), e.tensor(1), &pool_of(e.attrs)?)?),
    ..OpDef::USUAL
};

static AVGP: OpDef = OpDef {
    name: "avg_pool",
    summary: "Mean of each window.",
    inputs: &[Input::one("x", "")],
    params: &POOL,
    infer: pool_infer,
    eval: |e| Ok(pool::average(e.tensor(0), &pool_of(e.attrs)?)?),
    grad: Gradient::Of(|g| Ok(vec![Some(g.op("avg_pool.gx", &[g.gradient, g.input(0)], g.attrs.clone())?)])),
    ..OpDef::USUAL
};

static AVGP_G: OpDef = OpDef {
    name: "avg_pool.gx",
    inputs: &[Input::one("gy", ""), Input::one("x", "")],
    params: &POOL,
    nature: Nature::PLAIN.internal(),
    infer: |a| Ok(Fact::new(Domain::Real, a.fact(1).dims.clone())),
    eval: |e| Ok(pool::average_grad(e.tensor(0), hw(e.tensor(1)), &pool_of(e.attrs)?)?),
    ..OpDef::USUAL
};

const RS: [Param; 2] = [
    Param::required("size", ParamKind::Dims, "Height and width."),
    Param::required("align_corners", ParamKind::Bool, "Stated."),
];

static RESIZE: OpDef = OpDef {
    name: "resize",
    summary: "Bilinear interpolation.",
    inputs: &[Input::one("x", "")],
    params: &RS,
    infer: |a| {
        let x = a.fact(0);
        if x.domain.is_index() {
            return Err(OpError::new(Code::IndexInterpolation, "class numbers have nothing between them").at("x").help("use `resize_nearest`"));
        }
        let x = a.expect_rank(0, 4)?;
        let s = a.attrs.dims("size")?;
        Ok(x.with_dims(vec![x.dims[0].clone(), x.dims[1].clone(), s[0].clone(), s[1].clone()]))
    },
    eval: |e| {
        let s = e.dims("size")?;
        Ok(resize::bilinear(e.tensor(0), &Resize::to([s[0], s[1]], e.attrs.get_bool("align_corners")?))?)
    },
    grad: Gradient::Of(|g| Ok(vec![Some(g.op("resize.gx", &[g.gradient, g.input(0)], g.attrs.clone())?)])),
    ..OpDef::USUAL
};

static RESIZE_G: OpDef = OpDef {
    name: "resize.gx",
    inputs: &[Input::one("gy", ""), Input::one("x", "")],
    params: &RS,
    nature: Nature::PLAIN.internal(),
    infer: |a| Ok(Fact::new(Domain::Real, a.fact(1).dims.clone())),
    eval: |e| {
        let s = e.dims("size")?;
        Ok(resize::bilinear_grad(e.tensor(0), hw(e.tensor(1)), &Resize::to([s[0], s[1]], e.attrs.get_bool("align_corners")?))?)
    },
    ..OpDef::USUAL
};

static MATMUL: OpDef = OpDef {
    name: "matmul",
    summary: "Product.",
    inputs: &[Input::one("a", ""), Input::one("b", "")],
    infer: |a| {
        let (x, y) = (a.fact(0), a.fact(1));
        Ok(Fact::new(Domain::Feature, vec![x.dims[0].clone(), y.dims[1].clone()]))
    },
    eval: |e| Ok(crate::kernels::matmul::matmul(e.tensor(0), e.tensor(1))?),
    ..OpDef::USUAL
};

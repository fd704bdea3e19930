//! Golden steps of the field's reference, the rest by hand.

use candle_core::DType;

use super::*;
use crate::kernels::testing::{assert_close, assert_same_for_any_workers, cast, golden, numbers, sample};

/// Runs the ten golden steps and compares the parameter after each.
fn check_golden(case: &str, step: impl Fn(&Tensor, &Tensor, [&Tensor; 2], u64, f64) -> Result<()>) -> Result<()> {
    for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 1e-6)] {
        let (gradients, rates) = (cast(&golden(case, "gradients"), dtype), numbers(&golden(case, "lr")));
        // A copy: the golden arrays are shared by all tests.
        let parameter = cast(&golden(case, "p0"), dtype).copy()?;
        let states = [parameter.zeros_like()?, parameter.zeros_like()?];
        for (index, rate) in rates.into_iter().enumerate() {
            step(&parameter, &gradients.get(index)?, [&states[0], &states[1]], index as u64 + 1, rate)?;
            let expected = golden(case, "p").get(index)?;
            assert_close(&format!("{case}, step {index}, {dtype:?}"), &parameter, &expected, tolerance);
        }
    }
    Ok(())
}

#[test]
fn golden_sgd() -> Result<()> {
    for (case, momentum, weight_decay) in
        [("sgd_momentum_wd_poly", 0.9, 5e-4), ("sgd_warmup_poly", 0.9, 5e-4), ("sgd_psa_poly_optimizer", 5e-4, 5e-4)]
    {
        let sgd = Sgd { momentum, nesterov: false, weight_decay };
        check_golden(case, |p, g, [v, _], _, rate| sgd.step(p, g, Some(v), rate))?;
    }
    Ok(())
}

#[test]
fn golden_adam() -> Result<()> {
    for (case, weight_decay, decoupled) in [("adamw", 0.01, true), ("adam", 0.0, false)] {
        let adam = Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay, decoupled };
        check_golden(case, |p, g, moments, count, rate| adam.step(p, g, moments, count, rate))?;
    }
    Ok(())
}

/// p = 1, g = 2, decay 0.5: d = 2.5. Plain: 1 - 0.1*2.5. Nesterov, v = 1: v' = 0.9 + 2.5, d + 0.9*v' = 5.56.
#[test]
fn by_hand() -> Result<()> {
    let (one, two) =
        (Tensor::new(&[1f64], &candle_core::Device::Cpu)?, Tensor::new(&[2f64], &candle_core::Device::Cpu)?);
    let plain = one.copy()?;
    Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.5 }.step(&plain, &two, None, 0.1)?;
    assert_close("plain", &plain, &Tensor::new(&[0.75f64], plain.device())?, 1e-15);
    let (nesterov, velocity) = (one.copy()?, one.copy()?);
    Sgd { momentum: 0.9, nesterov: true, weight_decay: 0.5 }.step(&nesterov, &two, Some(&velocity), 0.1)?;
    assert_close("velocity", &velocity, &Tensor::new(&[3.4f64], one.device())?, 1e-15);
    assert_close("nesterov", &nesterov, &Tensor::new(&[0.444f64], one.device())?, 1e-15);
    Ok(())
}

/// p = 1, g = 2, decay 0.5: g' = 2.5, v = 0.1 * 6.25. Then 1 - 0.1 * 2.5 / √v, and the same once more through the velocity.
#[test]
fn rmsprop_by_hand() -> Result<()> {
    let device = &candle_core::Device::Cpu;
    let (one, two) = (Tensor::new(&[1f64], device)?, Tensor::new(&[2f64], device)?);
    let root = 0.625f64.sqrt();
    let rule = RmsProp { alpha: 0.9, eps: 0.0, momentum: 0.0, weight_decay: 0.5 };
    let (p, square) = (one.copy()?, one.zeros_like()?);
    rule.step(&p, &two, &square, None, 0.1)?;
    assert_close("mean square", &square, &Tensor::new(&[0.625f64], device)?, 1e-15);
    assert_close("plain", &p, &Tensor::new(&[1.0 - 0.25 / root], device)?, 1e-15);
    let (p, square, velocity) = (one.copy()?, one.zeros_like()?, two.copy()?);
    RmsProp { momentum: 0.5, ..rule }.step(&p, &two, &square, Some(&velocity), 0.1)?;
    assert_close("momentum", &p, &Tensor::new(&[1.0 - 0.1 * (1.0 + 2.5 / root)], device)?, 1e-15);
    assert!(RmsProp { momentum: 0.5, ..rule }.step(&p, &two, &square, None, 0.1).is_err());
    Ok(())
}

#[test]
fn means_and_squares_by_hand() -> Result<()> {
    let device = &candle_core::Device::Cpu;
    let (mean, p) = (Tensor::new(&[1f64, 2.0], device)?, Tensor::new(&[3f64, -2.0], device)?);
    average(&mean, &p, 0.75)?;
    assert_close("mean", &mean, &Tensor::new(&[1.5f64, 1.0], device)?, 1e-15);
    assert_eq!(sum_of_squares(&p)?, 13.0);
    let many = cast(&sample(&[300, 400], 3), DType::F32);
    assert_same_for_any_workers("squares", || Tensor::new(sum_of_squares(&many)?, device));
    let plain: f64 = many.flatten_all()?.to_vec1::<f32>()?.iter().map(|&x| f64::from(x).powi(2)).sum();
    assert!((sum_of_squares(&many)? / plain - 1.0).abs() < 1e-12);
    assert_eq!(sum_of_squares(&many.narrow(1, 0, 0)?)?, 0.0);
    Ok(())
}

#[test]
fn equal_bits_for_any_number_of_workers() {
    let (p, g) = (cast(&sample(&[300, 400], 1), DType::F32), cast(&sample(&[300, 400], 2), DType::F32));
    let adam = Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.1, decoupled: false };
    assert_same_for_any_workers("adam", || {
        let (p, m, v) = (p.copy()?, p.zeros_like()?, p.zeros_like()?);
        adam.step(&p, &g, [&m, &v], 1, 0.1)?;
        Ok(p)
    });
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let (p, g) = (sample(&[3], 1), sample(&[4], 2));
    let sgd = Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.0 };
    assert!(sgd.step(&p, &p.copy().expect("a copy"), None, 0.1).is_err());
    assert!(sgd.step(&p, &g, Some(&p.copy().expect("a copy")), 0.1).is_err());
}

/// The text of each rule for CUDA, run on the CPU.
#[test]
fn rules_for_cuda() -> Result<()> {
    fn same<T: Rule>(rule: T) -> Result<()> {
        let ([t, a], b) = ([1, 2].map(|seed| sample(&[7, 3], seed)), (sample(&[7, 3], 3).abs()? + 0.1)?);
        let found = t.copy()?;
        crate::kernels::cuda::optimizer::update(&found, &a, &b, T::TEXT, &rule.numbers())?;
        update(&t, &a, &b, rule)?;
        assert_close(T::TEXT, &found, &t, 1e-14);
        Ok(())
    }
    if !crate::kernels::cuda::can_emulate("steps for CUDA") {
        return Ok(());
    }
    same(Descend { rate: 0.1, momentum: 0.9, weight_decay: 0.01 })?;
    same(Velocity { momentum: 0.9, weight_decay: 0.01 })?;
    same(FirstMoment { beta: 0.9, weight_decay: 0.01 })?;
    same(SecondMoment { beta: 0.99, weight_decay: 0.01 })?;
    same(AdamDescend { shrink: 0.99, rate: 0.1, root: 0.3, eps: 1e-8 })?;
    same(Decayed { weight_decay: 0.01 })?;
    same(RootDescend { rate: 0.1, eps: 1e-8 })?;
    same(RootVelocity { momentum: 0.9, eps: 1e-8 })?;
    same(Average { keep: 0.99 })
}

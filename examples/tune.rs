use candle_core::{Device, Tensor};
use std::time::Instant;
use wsss::kernels::conv::{self, Conv2d};
#[global_allocator]
static A: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn numbers(dims: &[usize]) -> Tensor {
    let count = dims.iter().product::<usize>();
    let data: Vec<f32> = (0..count as u32).map(|i| i.wrapping_mul(2654435761) as f32 / 2f32.powi(31) - 1.0).collect();
    Tensor::from_vec(data, dims, &Device::Cpu).unwrap()
}
fn least(n: usize, f: impl Fn() -> Tensor) -> f64 {
    (0..n)
        .map(|_| {
            let (t, c) = (Instant::now(), cpu());
            std::hint::black_box(f());
            let (w, c) = (t.elapsed().as_secs_f64() * 1e3, cpu() - c);
            if std::env::var("CPU").is_ok() { c } else { w }
        })
        .fold(f64::MAX, f64::min)
}
fn main() {
    let layers = [
        ("64-64 3x3 @112", 2, 64, 64, 3, 112, 1, 1, 1, 1),
        ("512-512 3x3 d2 @28", 2, 512, 512, 3, 28, 1, 2, 2, 1),
        ("1024-2048 1x1", 2, 1024, 2048, 1, 28, 1, 0, 1, 1),
        ("256 s2", 2, 256, 256, 3, 56, 2, 1, 1, 1),
        ("7x7", 1, 3, 64, 7, 448, 2, 3, 1, 1),
        ("3-64 3x3", 1, 3, 64, 3, 448, 1, 1, 1, 1),
        ("512-1024 d4", 1, 512, 1024, 3, 56, 1, 4, 4, 1),
        ("2048-20", 2, 2048, 20, 1, 28, 1, 0, 1, 1),
        ("dw", 2, 256, 256, 3, 56, 1, 1, 1, 256),
        ("g32", 2, 256, 256, 3, 56, 1, 1, 1, 32),
    ];
    let only = std::env::args().nth(1).unwrap_or_default();
    let n: usize = std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(15);
    let mut total = [0.0; 3];
    for (name, b, i, o, k, s, st, p, d, g) in layers {
        if !name.contains(&only) {
            continue;
        }
        let c = Conv2d::padded([s; 2], [k; 2], [st; 2], [p; 2], [d; 2], g);
        let x = numbers(&[b, i, s, s]);
        let w = numbers(&[o, i / g, k, k]);
        let gy = numbers(&[b, o, c.output[0], c.output[1]]);
        let t = [
            least(n, || conv::forward(&x, &w, None, &c).unwrap()),
            least(n, || conv::grad_input(&gy, &w, [s; 2], &c).unwrap()),
            least(n, || conv::grad_weight(&gy, &x, [k; 2], &c).unwrap()),
        ];
        let cf =
            if std::env::var("CANDLE").is_ok() { least(n / 3, || x.conv2d(&w, p, st, d, g).unwrap()) } else { 0.0 };
        let fl = 2.0 * (b * o * c.output[0] * c.output[1] * i / g * k * k) as f64 / 1e6;
        println!(
            "{name:20} {:7.2} {:7.2} {:7.2} = {:7.1}   GF/s {:5.0} {:5.0} {:5.0}  candle fwd {cf:.1}",
            t[0],
            t[1],
            t[2],
            t.iter().sum::<f64>(),
            fl / t[0],
            fl / t[1],
            fl / t[2]
        );
        (0..3).for_each(|j| total[j] += t[j]);
    }
    println!("total {:.0} {:.0} {:.0} = {:.0}", total[0], total[1], total[2], total.iter().sum::<f64>());
}

fn cpu() -> f64 {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|t| {
            std::fs::read_to_string(t.unwrap().path().join("schedstat"))
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
                .parse::<f64>()
                .unwrap()
        })
        .sum::<f64>()
        / 1e6
}

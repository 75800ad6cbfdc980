//! How far two colours are apart for different eyes. Only the tests of the colour tokens need it.
//!
//! Contrast after WCAG 2.1, colour distance CIEDE2000 (Sharma 2005), defects after Machado 2009 at full severity, and
//! for the two red-green defects after Viénot 1999 as well.

use egui::Color32;

/// An eye that looks at the console.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Vision {
    Normal,
    Protanopia,
    Deuteranopia,
    Tritanopia,
    /// Protanopia after Viénot, Brettel and Mollon 1999.
    ProtanopiaVienot,
    /// Deuteranopia after the same.
    DeuteranopiaVienot,
}

impl Vision {
    pub(crate) const ALL: [Self; 6] = [
        Self::Normal,
        Self::Protanopia,
        Self::Deuteranopia,
        Self::Tritanopia,
        Self::ProtanopiaVienot,
        Self::DeuteranopiaVienot,
    ];

    /// Linear RGB to linear RGB as this eye sees it.
    fn matrix(self) -> [[f64; 3]; 3] {
        match self {
            Self::Normal => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Self::Protanopia => [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
            Self::Deuteranopia => [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
            Self::Tritanopia => [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
            // The inverse of their RGB to LMS matrix, times the reduction, times that matrix.
            Self::ProtanopiaVienot => {
                [[0.112382, 0.887612, 0.0], [0.112383, 0.887618, 0.0], [0.004006, -0.004006, 1.000000]]
            }
            Self::DeuteranopiaVienot => {
                [[0.292751, 0.707252, 0.0], [0.292750, 0.707249, 0.0], [-0.022336, 0.022337, 1.000000]]
            }
        }
    }
}

fn linear(colour: Color32) -> [f64; 3] {
    [colour.r(), colour.g(), colour.b()].map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    })
}

fn multiply(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// The contrast ratio of two colours, 1 to 21.
pub(crate) fn contrast(a: Color32, b: Color32) -> f64 {
    let luminance = |colour| {
        let [r, g, b] = linear(colour);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn lab(colour: Color32, vision: Vision) -> [f64; 3] {
    let seen = multiply(vision.matrix(), linear(colour)).map(|value| value.clamp(0.0, 1.0));
    let xyz = multiply(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ],
        seen,
    );
    let white = [0.95047, 1.0, 1.08883];
    let mut f = [0.0; 3];
    for ((f, value), white) in f.iter_mut().zip(xyz).zip(white) {
        let t = value / white;
        *f = if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    }
    [116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])]
}

/// CIEDE2000 between two colours as `vision` sees them; 2 to 3 is the threshold of seeing.
pub(crate) fn distance(a: Color32, b: Color32, vision: Vision) -> f64 {
    ciede2000(lab(a, vision), lab(b, vision))
}

fn ciede2000([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let chroma_mean7 = ((a1.hypot(b1) + a2.hypot(b2)) / 2.0).powi(7);
    let g = 0.5 * (1.0 - (chroma_mean7 / (chroma_mean7 + 25f64.powi(7))).sqrt());
    let (a1, a2) = (a1 * (1.0 + g), a2 * (1.0 + g));
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| {
        if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) }
    };
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let grey = c1 * c2 == 0.0;
    let dh = match h2 - h1 {
        _ if grey => 0.0,
        d if d > 180.0 => d - 360.0,
        d if d < -180.0 => d + 360.0,
        d => d,
    };
    let (dl, dc) = (l2 - l1, c2 - c1);
    let dhh = 2.0 * (c1 * c2).sqrt() * (dh / 2.0).to_radians().sin();
    let (lm, cm) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let hm = if grey {
        h1 + h2
    } else if (h1 - h2).abs() <= 180.0 {
        (h1 + h2) / 2.0
    } else if h1 + h2 < 360.0 {
        (h1 + h2 + 360.0) / 2.0
    } else {
        (h1 + h2 - 360.0) / 2.0
    };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(hm - 30.0) + 0.24 * cos(2.0 * hm) + 0.32 * cos(3.0 * hm + 6.0)
        - 0.20 * cos(4.0 * hm - 63.0);
    let theta = 30.0 * (-((hm - 275.0) / 25.0).powi(2)).exp();
    let cm7 = cm.powi(7);
    let rc = 2.0 * (cm7 / (cm7 + 25f64.powi(7))).sqrt();
    let lm50 = (lm - 50.0).powi(2);
    let sl = 1.0 + 0.015 * lm50 / (20.0 + lm50).sqrt();
    let (sc, sh) = (1.0 + 0.045 * cm, 1.0 + 0.015 * cm * t);
    let rt = -(2.0 * theta).to_radians().sin() * rc;
    ((dl / sl).powi(2) + (dc / sc).powi(2) + (dhh / sh).powi(2) + rt * (dc / sc) * (dhh / sh)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three of the pairs published with the formula.
    #[test]
    fn distance_agrees_with_the_published_pairs() {
        for (a, b, expected) in [
            ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
            ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
            ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
        ] {
            let found = ciede2000(a, b);
            assert!((found - expected).abs() < 0.0001, "{found} instead of {expected}");
        }
    }

    #[test]
    fn black_on_white_is_twenty_one() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 1e-9);
    }
}

// Regularised ROF denoising of a time series, for cWB plug-ins. Header only, C++11, no dependency.
//
//   minimise over u   w sum_i sqrt((u[i+1] - u[i])^2 + beta) + 1/2 sum_i (u[i] - y[i])^2
//
// on data y of unit noise, single-step, Bregman-iterated or successive: the same mathematics, the same steps
// and the same stopping rule as sigden.RROF in Python, which the tests compare it with.
//
// Part of sigden (BSD-3-Clause).

#ifndef SIGDEN_RROF_HH
#define SIGDEN_RROF_HH

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

namespace sigden {

typedef std::vector<double> Series;

enum Iteration { SINGLE, BREGMAN, SUCCESSIVE };

// Parameters of sigden.RROF; a negative regularization asks for the weight of least unbiased risk (SURE).
struct RrofOptions {
  double regularization;
  double beta;
  Iteration iteration;
  int passes;
  int max_iter;
  double tolerance;
  RrofOptions()
      : regularization(-1.0), beta(1e-4), iteration(SINGLE), passes(1), max_iter(200), tolerance(1e-8) {}
};

struct RrofResult {
  Series estimate;
  double gap;  // relative duality gap, the worst of all passes
  int iterations;
  double weight;
};

namespace detail {

const double ARMIJO = 1e-4;
const double ROUNDING = 1e-13;  // relative rounding error granted to the objective in the line search
const int HALVINGS = 40;
const int PATIENCE = 25;  // Newton steps without halving the gap before the continuation in beta starts
const double LEAST = 1e-30;
const double LARGEST = 1e30;
const double LARGEST_WEIGHT = 1e20;

// Knot of a piecewise linear function: where, and by how much slope and intercept change there.
struct Knot {
  double place, slope, intercept;
};

// Exact total variation by dynamic programming over the derivative of the message, linear time.
// N. Johnson, "A dynamic programming algorithm for the fused lasso and L0-segmentation", J. Comput. Graph.
// Stat. 22 (2013) 246.
inline void exact_tv(const Series& y, double weight, Series& u) {
  const std::size_t n = y.size();
  u.resize(n);
  if (n < 2 || weight == 0.0) {
    u = y;
    return;
  }
  std::vector<Knot> knots(2 * n);
  Series low(n - 1), high(n - 1);
  std::size_t left = n, right = n;  // knots[left..right-1] are in use
  for (std::size_t k = 0; k + 1 < n; ++k) {
    double slope = 1.0, intercept = k ? -y[k] - weight : -y[k];
    while (left < right && slope * knots[left].place + intercept <= -weight) {
      slope += knots[left].slope;
      intercept += knots[left].intercept;
      ++left;
    }
    low[k] = (-weight - intercept) / slope;
    const Knot first = {low[k], slope, intercept + weight};
    slope = 1.0;
    intercept = k ? -y[k] + weight : -y[k];
    while (left < right && slope * knots[right - 1].place + intercept >= weight) {
      --right;
      slope -= knots[right].slope;
      intercept -= knots[right].intercept;
    }
    high[k] = (weight - intercept) / slope;
    const Knot last = {high[k], -slope, weight - intercept};
    if (left == right) left = right = n;
    knots[--left] = first;
    knots[right++] = last;
  }
  double slope = 1.0, intercept = -y[n - 1] - weight;
  while (left < right && slope * knots[left].place + intercept <= 0.0) {
    slope += knots[left].slope;
    intercept += knots[left].intercept;
    ++left;
  }
  u[n - 1] = -intercept / slope;
  for (std::size_t k = n - 1; k-- > 0;) u[k] = std::min(std::max(u[k + 1], low[k]), high[k]);
}

// Primal-dual Newton method of Chan, Golub and Mulet, SIAM J. Sci. Comput. 20 (1999) 1964, on one row of zero
// mean, from exact total variation.
class Newton {
 public:
  Newton(const Series& data, double weight)
      : gap(0.0), iterations(0), y_(data), n_(data.size()), weight_(weight), w_(n_ + 1, 0.0),
        flux_(n_ + 1, 0.0), stiffness_(n_ + 1, 0.0), descent_(n_), ratio_(n_), step_(n_), trial_(n_) {}

  // Minimise from u, in place. A gap that does not halve within PATIENCE steps starts a continuation: beta is
  // raised to the mean square of the data and lowered by 100 when the gap falls below 1e-3.
  void minimise(Series& u, double beta, double tolerance, int max_iter) {
    warm_dual(u);
    double current = beta;
    double primal = evaluate(u, current), least = gap_;
    double kept_gap = std::numeric_limits<double>::infinity();
    Series kept;
    int stalled = 0;
    while (true) {
      gap = gap_ > 0.0 ? gap_ / primal : gap_;
      if (current == beta && !(gap > tolerance)) return;
      bool restart = false;
      if (current > beta) {
        if (!(gap > 1e-3) || stalled >= PATIENCE) {
          current = std::max(beta, 0.01 * current);
          restart = true;
        }
      } else if (stalled >= PATIENCE) {
        if (std::isfinite(kept_gap)) break;
        kept_gap = gap;
        kept = u;
        current = std::max(beta, dot(y_, y_) / n_);
        restart = true;
      }
      if (iterations >= max_iter) break;
      if (restart) {
        primal = evaluate(u, current);
        least = gap_;
        stalled = 0;
      }
      ++iterations;
      solve_chain();
      const double decrease = ARMIJO * dot(descent_, step_);
      dual_step();
      double length = 1.0, value = primal;
      for (int halving = 0; halving < HALVINGS; ++halving) {
        for (std::size_t i = 0; i < n_; ++i) trial_[i] = u[i] + length * step_[i];
        value = evaluate(trial_, current);
        if (gap_ <= 0.5 * least || !(value > primal * (1.0 + ROUNDING) - length * decrease)) break;
        length *= 0.5;
      }
      u.swap(trial_);
      primal = value;
      stalled = gap_ <= 0.5 * least ? 0 : stalled + 1;
      least = std::min(least, gap_);
    }
    if (current > beta) primal = evaluate(u, beta);
    gap = gap_ > 0.0 ? gap_ / primal : gap_;
    if (kept_gap < gap) {
      u.swap(kept);
      gap = kept_gap;
    }
  }

  double gap;
  int iterations;

 private:
  static double dot(const Series& a, const Series& b) {
    double total = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
    return total;
  }

  void warm_dual(const Series& u) {
    double total = 0.0;
    for (std::size_t i = 0; i + 1 < n_; ++i) {
      total += u[i] - y_[i];
      w_[i + 1] = std::min(std::max(total / weight_, -1.0), 1.0);
    }
  }

  // Flux d/s and stiffness of each link, descent of each sample; returns the objective and sets gap_.
  double evaluate(const Series& u, double beta) {
    const double root = std::sqrt(beta);
    double variation = 0.0, link_gap = 0.0, misfit = 0.0, sample_gap = 0.0;
    for (std::size_t i = 1; i < n_; ++i) {
      const double d = u[i] - u[i - 1], s = std::sqrt(d * d + beta), a = w_[i];
      const double b = std::sqrt(std::max(1.0 - a * a, LEAST));
      const double inner = a * d + b * root, cross = b * d - a * root;
      // s - inner without cancellation: s^2 = inner^2 + cross^2
      link_gap += a * d >= 0.0 ? cross * cross / (s + std::fabs(inner)) : s - inner;
      variation += s - root;
      flux_[i] = d / s;
      stiffness_[i] = weight_ / s * (1.0 - a * flux_[i]);
    }
    for (std::size_t i = 0; i < n_; ++i) {
      const double r = u[i] - y_[i], e = r + weight_ * (w_[i] - w_[i + 1]);
      misfit += r * r;
      sample_gap += e * e;
      descent_[i] = -r - weight_ * (flux_[i] - flux_[i + 1]);
    }
    gap_ = weight_ * link_gap + 0.5 * sample_gap;
    return weight_ * variation + 0.5 * misfit;
  }

  // (I + D^T diag(stiffness) D) step = descent; the Schur complement obeys e' = 1 + c e / (e + c), all terms
  // positive.
  void solve_chain() {
    double e = 1.0, z = descent_[0];
    for (std::size_t i = 0; i + 1 < n_; ++i) {
      const double c = stiffness_[i + 1], sum = e + c;
      ratio_[i] = c / sum;
      step_[i] = z / sum;
      z = descent_[i + 1] + ratio_[i] * z;
      e = 1.0 + ratio_[i] * e;
    }
    step_[n_ - 1] = z / e;
    for (std::size_t i = n_ - 1; i-- > 0;) step_[i] += ratio_[i] * step_[i + 1];
  }

  // Full Newton step of the dual variable, clipped so that the matrix stays positive definite.
  void dual_step() {
    for (std::size_t i = 1; i < n_; ++i) {
      const double full = flux_[i] + stiffness_[i] / weight_ * (step_[i] - step_[i - 1]);
      w_[i] = std::min(std::max(full, -1.0), 1.0);
    }
  }

  const Series& y_;
  const std::size_t n_;
  const double weight_;
  double gap_;
  Series w_, flux_, stiffness_, descent_, ratio_, step_, trial_;
};

inline void require_finite(const Series& y) {
  for (std::size_t i = 0; i < y.size(); ++i)
    if (!(std::fabs(y[i]) < LARGEST)) throw std::invalid_argument("sigden: the data hold a value that is not finite");
}

// Median; the values are reordered.
inline double median(Series& values) {
  const std::size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + middle, values.end());
  const double upper = values[middle];
  if (values.size() % 2) return upper;
  const double lower = *std::max_element(values.begin(), values.begin() + middle);
  return lower + (upper - lower) / 2;
}

}  // namespace detail

// One solve with a given weight.
inline RrofResult solve_rrof(const Series& y, double weight, const RrofOptions& options) {
  detail::require_finite(y);
  if (!(weight >= 0.0 && weight < detail::LARGEST_WEIGHT))
    throw std::invalid_argument("sigden: regularization must not be negative");
  if (!(options.beta > 0.0 && options.beta < detail::LARGEST))
    throw std::invalid_argument("sigden: beta must be positive");
  RrofResult result = {y, 0.0, 0, weight};
  if (y.empty()) return result;
  double total = 0.0, spread = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    total += y[i] - y[0];
    spread += std::fabs(y[i] - y[0]);
  }
  if (weight < detail::LEAST || spread == 0.0) return result;
  const double mean = y[0] + total / y.size();
  Series data(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) data[i] = y[i] - mean;
  detail::exact_tv(data, weight, result.estimate);
  detail::Newton newton(data, weight);
  newton.minimise(result.estimate, std::max(options.beta, detail::LEAST), options.tolerance, options.max_iter);
  for (std::size_t i = 0; i < y.size(); ++i) result.estimate[i] += mean;
  result.gap = newton.gap;
  result.iterations = newton.iterations;
  return result;
}

// All passes of the chosen procedure with a given weight.
inline RrofResult solve_passes(const Series& y, double weight, const RrofOptions& options) {
  if (options.passes < 1 || (options.iteration == SINGLE && options.passes != 1))
    throw std::invalid_argument("sigden: passes must be at least 1, and 1 for the single-step method");
  RrofResult found = solve_rrof(y, weight, options);
  Series added(y.size(), 0.0), input(y.size());
  for (int pass = 1; pass < options.passes; ++pass) {
    // Bregman adds the residual back to the data (S. Osher et al., Multiscale Model. Simul. 4 (2005) 460)
    for (std::size_t i = 0; i < y.size(); ++i) {
      added[i] += y[i] - found.estimate[i];
      input[i] = options.iteration == BREGMAN ? y[i] + added[i] : found.estimate[i];
    }
    const RrofResult after = solve_rrof(input, weight, options);
    double residual = 0.0;
    for (std::size_t i = 0; i < y.size(); ++i)
      residual += (y[i] - after.estimate[i]) * (y[i] - after.estimate[i]);
    // it stops before the residual falls below the noise
    if (options.iteration == BREGMAN && !(residual / y.size() >= 1.0)) break;
    found.estimate = after.estimate;
    found.gap = std::max(found.gap, after.gap);
    found.iterations += after.iterations;
  }
  return found;
}

// Divergence of the single-step estimate, exact: the trace of (I + D^T diag(c) D)^-1 with the curvature
// c = w beta / s^3 of each link, from the Schur complements of both sides of each sample.
inline double divergence(const Series& u, double weight, double beta) {
  const std::size_t n = u.size();
  Series curvature(n, 0.0), left(n, 1.0);
  for (std::size_t i = 1; i < n; ++i) {
    const double d = u[i] - u[i - 1], s = std::sqrt(d * d + beta);
    curvature[i] = weight * beta / (s * s * s);
    left[i] = 1.0 + curvature[i] * left[i - 1] / (left[i - 1] + curvature[i]);
  }
  double right = 1.0, trace = 0.0;
  for (std::size_t i = n; i-- > 0;) {
    trace += 1.0 / (left[i] + right - 1.0);
    right = 1.0 + curvature[i] * right / (right + curvature[i]);
  }
  return trace;
}

// The same for any procedure, along fixed pseudo-random signs (S. Ramani et al., IEEE Trans. Image Process. 17
// (2008) 1540).
inline double divergence_along_signs(const Series& y, const Series& estimate, double weight,
                                     const RrofOptions& options) {
  const double step = 0.1;
  Series signs(y.size()), moved(y.size());
  unsigned long long state = 20141011ULL;
  for (std::size_t i = 0; i < y.size(); ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    signs[i] = (state >> 63) ? 1.0 : -1.0;
    moved[i] = y[i] + step * signs[i];
  }
  const Series shifted = solve_passes(moved, weight, options).estimate;
  double total = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) total += signs[i] * (shifted[i] - estimate[i]);
  return total / step;
}

// Stein's unbiased risk per sample at a weight, for unit noise.
inline double unbiased_risk(const Series& y, double weight, const RrofOptions& options) {
  const Series estimate = solve_passes(y, weight, options).estimate;
  double misfit = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) misfit += (estimate[i] - y[i]) * (estimate[i] - y[i]);
  const double trace = options.iteration == SINGLE ? divergence(estimate, weight, options.beta)
                                                   : divergence_along_signs(y, estimate, weight, options);
  return (misfit + 2.0 * trace) / y.size() - 1.0;
}

// Weight of least unbiased risk: a geometric grid up to the weight that silences noise, refined by a parabola.
inline double sure_weight(const Series& y, const RrofOptions& options) {
  const double smallest = 0.03, pi = 3.14159265358979323846;
  const double n = std::max<double>(y.size(), 3.0);
  const double exceedance = std::min(1.0, 1.0 / std::sqrt(pi * std::log(n)));
  const double largest = std::max(std::sqrt(-n * std::log(exceedance / 2.0) / 2.0), 2.0 * smallest);
  const int steps = std::max(2, int(std::ceil(std::log(largest / smallest) / std::log(2.2))));
  const double ratio = std::log(largest / smallest) / steps;
  Series risk(steps + 1);
  for (int i = 0; i <= steps; ++i) risk[i] = unbiased_risk(y, smallest * std::exp(i * ratio), options);
  const int best = int(std::min_element(risk.begin(), risk.end()) - risk.begin());
  double shift = 0.0;
  if (best > 0 && best < steps) {
    const double curvature = risk[best - 1] - 2.0 * risk[best] + risk[best + 1];
    if (curvature > 0.0) shift = 0.5 * (risk[best - 1] - risk[best + 1]) / curvature;
  }
  return smallest * std::exp(ratio * (best + std::min(std::max(shift, -0.5), 0.5)));
}

// Denoise data of unit noise.
inline RrofResult denoise(const Series& y, const RrofOptions& options) {
  detail::require_finite(y);
  const double weight = options.regularization < 0.0 ? sure_weight(y, options) : options.regularization;
  return solve_passes(y, weight, options);
}

// Standard deviation of Gaussian noise from the median absolute deviation.
inline double mad_sigma(const double* x, std::size_t n) {
  if (n == 0) throw std::invalid_argument("sigden: no samples to estimate the noise from");
  Series values(x, x + n);
  const double centre = detail::median(values);
  for (std::size_t i = 0; i < n; ++i) values[i] = std::fabs(values[i] - centre);
  return detail::median(values) / 0.6744897501960817;
}

// Noise level of whitened strain: one value, measured on the core, and in the first and last `edge` samples,
// where whitening rings, that of blocks of `block` samples, never below the core's; straight lines between.
inline Series noise_level(const double* x, std::size_t n, std::size_t edge, std::size_t block) {
  if (n <= 2 * edge) throw std::invalid_argument("sigden: no samples are left between the edges");
  const double core = mad_sigma(x + edge, n - 2 * edge);
  if (!(core > 0.0)) throw std::invalid_argument("sigden: the whitened strain holds no noise");
  Series place, level;
  const std::size_t blocks = edge ? std::max<std::size_t>(1, edge / std::max<std::size_t>(1, block)) : 0;
  for (int side = 0; side < 2; ++side) {
    const std::size_t start = side ? n - edge : 0;
    if (side) {
      place.push_back(double(n - edge) - 1.0);
      level.push_back(core);
    }
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::size_t first = start + b * edge / blocks, last = start + (b + 1) * edge / blocks;
      place.push_back(0.5 * (double(first) + double(last) - 1.0));
      level.push_back(std::max(core, mad_sigma(x + first, last - first)));
    }
    if (!side) {
      place.push_back(double(edge));
      level.push_back(core);
    }
  }
  Series out(n);
  std::size_t j = 0;
  for (std::size_t i = 0; i < n; ++i) {
    while (j + 1 < place.size() && place[j + 1] <= double(i)) ++j;
    if (double(i) <= place.front()) out[i] = level.front();
    else if (j + 1 >= place.size()) out[i] = level.back();
    else out[i] = level[j] + (level[j + 1] - level[j]) * (double(i) - place[j]) / (place[j + 1] - place[j]);
  }
  return out;
}

}  // namespace sigden

#endif  // SIGDEN_RROF_HH

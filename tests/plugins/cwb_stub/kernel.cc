// C interface to the header, for the comparison with Python.
#include "sigden_rrof.hh"

extern "C" int rrof(const double* y, long n, double regularization, double beta, int iteration, int passes,
                    double* estimate, double* found) {
  try {
    sigden::RrofOptions options;
    options.regularization = regularization;
    options.beta = beta;
    options.iteration = static_cast<sigden::Iteration>(iteration);
    options.passes = passes;
    const sigden::RrofResult result = sigden::denoise(sigden::Series(y, y + n), options);
    std::copy(result.estimate.begin(), result.estimate.end(), estimate);
    found[0] = result.gap;
    found[1] = result.iterations;
    found[2] = result.weight;
    return 0;
  } catch (const std::exception&) {
    return 1;
  }
}

extern "C" void exact_tv(const double* y, long n, double weight, double* estimate) {
  sigden::Series out;
  sigden::detail::exact_tv(sigden::Series(y, y + n), weight, out);
  std::copy(out.begin(), out.end(), estimate);
}

extern "C" double divergence(const double* u, long n, double weight, double beta) {
  return sigden::divergence(sigden::Series(u, u + n), weight, beta);
}

extern "C" int noise_level(const double* x, long n, long edge, long block, double* level) {
  try {
    const sigden::Series out = sigden::noise_level(x, n, edge, block);
    std::copy(out.begin(), out.end(), level);
    return 0;
  } catch (const std::exception&) {
    return 1;
  }
}

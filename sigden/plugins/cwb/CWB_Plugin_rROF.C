// cWB plug-in: regularised ROF denoising of the whitened strain, one detector at a time.
//
// Written by `sigden cwb install DIR`. In user_parameters.C:
//
//   plugin = TMacro("DIR/CWB_Plugin_rROF.C");
//
//   TString options = "";                           // a space at the end of each item
//   options += "rrof_regularization=auto ";         // or a number: weight on total variation for unit noise
//   options += "rrof_beta=1e-4 ";                   // rounding of its corner, in noise variances
//   options += "rrof_iteration=single ";            // or bregman, successive
//   options += "rrof_passes=1 ";                    // solves of an iterated procedure, at most
//   strcpy(parPlugin, options.Data());
//
// Options of other plug-ins may stand beside these. rho after denoising is not calibrated: a search needs its
// background measured with the plug-in on.
//
// Part of sigden (BSD-3-Clause).

#define XIFO 4

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "TString.h"
#include "config.hh"
#include "cwb.hh"
#include "network.hh"
#include "wavearray.hh"

#include "sigden_rrof.hh"

namespace {

const double BLOCK_SECONDS = 0.5;

double rrof_number(const std::string& key, const std::string& text) {
  char* end = NULL;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(value))
    throw std::invalid_argument(key + ": expected a number, got '" + text + "'");
  return value;
}

sigden::RrofOptions rrof_options(const std::string& parameters) {
  sigden::RrofOptions options;
  std::istringstream words(parameters);
  std::string word;
  while (words >> word) {
    if (word.compare(0, 5, "rrof_") != 0) continue;
    const std::size_t mark = word.find('=');
    const std::string key = word.substr(0, mark);
    const std::string text = mark == std::string::npos ? "" : word.substr(mark + 1);
    if (key == "rrof_regularization") {
      options.regularization = text == "auto" ? -1.0 : rrof_number(key, text);
      if (text != "auto" && options.regularization < 0.0)
        throw std::invalid_argument(key + ": must not be negative, got " + text);
    } else if (key == "rrof_beta") {
      options.beta = rrof_number(key, text);
      if (!(options.beta > 0.0)) throw std::invalid_argument(key + ": must be positive, got " + text);
    } else if (key == "rrof_passes") {
      const double passes = rrof_number(key, text);
      if (!(passes >= 1.0 && passes <= 1000.0 && passes == std::floor(passes)))
        throw std::invalid_argument(key + ": expected a whole number from 1 to 1000, got " + text);
      options.passes = int(passes);
    } else if (key == "rrof_iteration") {
      if (text == "single") options.iteration = sigden::SINGLE;
      else if (text == "bregman") options.iteration = sigden::BREGMAN;
      else if (text == "successive") options.iteration = sigden::SUCCESSIVE;
      else throw std::invalid_argument(key + ": expected single, bregman or successive, got '" + text + "'");
    } else {
      throw std::invalid_argument(key + ": unknown; known: rrof_regularization, rrof_beta, rrof_iteration, rrof_passes");
    }
  }
  if (options.iteration == sigden::SINGLE && options.passes != 1)
    throw std::invalid_argument("rrof_passes: must be 1 with rrof_iteration=single");
  return options;
}

}  // namespace

void CWB_Plugin(TFile* jfile, CWB::config* cfg, network* net, WSeries<double>* x, TString ifo, int type) {
  //!DATA_CONDITIONING
  // rROF denoising of the whitened strain
  (void)jfile;
  (void)net;
  try {
    if (type == CWB_PLUGIN_CONFIG) rrof_options(cfg->parPlugin);  // a bad option stops the job at its start
    if (type != CWB_PLUGIN_WHITE) return;
    if (std::string(cfg->analysis) != "2G") throw std::invalid_argument("the plug-in works with analysis 2G only");
    const sigden::RrofOptions options = rrof_options(cfg->parPlugin);
    const std::size_t n = x->size();
    const double rate = x->rate();
    sigden::Series z(x->data, x->data + n);
    sigden::detail::require_finite(z);
    const sigden::Series level = sigden::noise_level(x->data, n, std::size_t(cfg->segEdge * rate + 0.5),
                                                     std::size_t(BLOCK_SECONDS * rate + 0.5));
    for (std::size_t i = 0; i < n; ++i) z[i] /= level[i];
    const sigden::RrofResult found = sigden::denoise(z, options);
    for (std::size_t i = 0; i < n; ++i)
      if (!std::isfinite(found.estimate[i])) throw std::runtime_error("the estimate is not finite");
    for (std::size_t i = 0; i < n; ++i) x->data[i] = found.estimate[i] * level[i];
    std::cout << "CWB_Plugin_rROF: " << ifo.Data() << " regularization " << found.weight << ", noise sigma "
              << level[n / 2] << ", Newton steps " << found.iterations << ", duality gap " << found.gap
              << std::endl;
  } catch (const std::exception& error) {
    std::cout << "CWB_Plugin_rROF Error: " << ifo.Data() << ": " << error.what() << std::endl;
    std::exit(1);
  }
}

// Run the plug-in as cWB does: FILE of doubles, edited in place; RATE EDGE STAGE PARAMETERS [ANALYSIS].
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cwb.hh"

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  std::vector<double> samples;
  double value;
  std::FILE* file = std::fopen(argv[1], "rb");
  while (std::fread(&value, sizeof value, 1, file) == 1) samples.push_back(value);
  std::fclose(file);
  CWB::config cfg;
  std::strcpy(cfg.analysis, argc > 6 ? argv[6] : "2G");
  cfg.segEdge = std::atof(argv[3]);
  std::strcpy(cfg.parPlugin, argv[5]);
  WSeries<double> x(samples.size(), std::atof(argv[2]));
  for (std::size_t i = 0; i < samples.size(); ++i) x.data[i] = samples[i];
  CWB_Plugin(0, &cfg, 0, &x, TString("L1"), std::atoi(argv[4]));
  file = std::fopen(argv[1], "wb");
  std::fwrite(x.data, sizeof(double), x.size(), file);
  std::fclose(file);
  return 0;
}

// cWB's plug-in stages that the macro names, with their numbers.
#ifndef STUB_CWB_HH
#define STUB_CWB_HH
#include "TString.h"
#include "config.hh"
#include "network.hh"
#include "wavearray.hh"
enum CWB_PLUGIN { CWB_PLUGIN_CONFIG = 0, CWB_PLUGIN_WHITE = 5 };
extern void CWB_Plugin(TFile* jfile, CWB::config*, network*, WSeries<double>*, TString, int);
#endif

// The part of ROOT's TString that the plug-in uses, declared for compilation without ROOT.
#ifndef STUB_TSTRING_H
#define STUB_TSTRING_H
#include <string>
class TString {
 public:
  TString(const char* text = "") : text_(text) {}
  const char* Data() const { return text_.c_str(); }

 private:
  std::string text_;
};
class TFile;
#endif

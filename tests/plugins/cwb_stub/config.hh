// The part of cWB's configuration that the plug-in uses.
#ifndef STUB_CONFIG_HH
#define STUB_CONFIG_HH
namespace CWB {
class config {
 public:
  char analysis[8];
  double segEdge;
  char parPlugin[1024];
};
}  // namespace CWB
#endif

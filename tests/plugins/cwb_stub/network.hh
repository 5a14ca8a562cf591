// cWB's network, which the plug-in only passes by.
#ifndef STUB_NETWORK_HH
#define STUB_NETWORK_HH
class network;
#endif

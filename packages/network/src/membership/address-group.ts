/**
 * The group that an address counts to, where many addresses are one owner's: the first 16 bits of an IPv4 address, the
 * first 32 of an IPv6 one, the name of a DNS one; everything else is a group of its own kind.
 */
export function addressGroup(address: string): string {
  const [, protocol = '', value = ''] = address.split('/')
  switch (protocol) {
    case 'ip4':
      return `ip4/${value.split('.').slice(0, 2).join('.')}`
    case 'ip6':
      return `ip6/${ip6Words(value).slice(0, 2).join(':')}`
    case 'dns':
    case 'dns4':
    case 'dns6':
    case 'dnsaddr':
      return `dns/${value.toLowerCase().split('.').slice(-2).join('.')}`
    default:
      return protocol
  }
}

/** The leading words of an IPv6 address, as far as `::` lets them be seen; zeros from there on. */
function ip6Words(value: string): string[] {
  const [head = ''] = value.toLowerCase().split('::')
  const words = head === '' ? [] : head.split(':').map((word) => word.replace(/^0+(?=.)/, ''))
  return [...words, '0', '0']
}

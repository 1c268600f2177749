/** An IPv4 address as a number. The caller has checked its form. */
const toNumber = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)

/** Whether an IPv4 address lies in a network such as `10.33.0.0/16`. Both were checked by the inventory's schema. */
export const inNetwork = (address: string, network: string): boolean => {
  const [base = '', bits = '32'] = network.split('/')
  const size = 2 ** (32 - Number(bits))
  return Math.floor(toNumber(address) / size) === Math.floor(toNumber(base) / size)
}

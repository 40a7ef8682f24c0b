/** Icons, drawn here so that nothing is loaded. Decorative: the words beside them say what they mean. */

import type { ReactNode } from 'react';

import type { Source } from '../market/model';

function Icon({ children, size = 18 }: { readonly children: ReactNode; readonly size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

interface Props {
  readonly size?: number;
}

export const MarketIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M4 19V9m5 10V5m6 14v-8m5 8V8" />
  </Icon>
);
export const SellIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M12 20V8m0 0-4.5 4.5M12 8l4.5 4.5M5 4h14" />
  </Icon>
);
export const MineIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M13 3 5 13.5h6L10 21l9-11.5h-6.5L13 3Z" />
  </Icon>
);
export const BusIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M3 8h18M3 16h18M8 8v8m8-8v8" />
    <circle cx="8" cy="8" r="2" fill="currentColor" stroke="none" />
    <circle cx="16" cy="16" r="2" fill="currentColor" stroke="none" />
  </Icon>
);
export const VerifyIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M12 3 5 6v5.5c0 4.4 2.9 7.8 7 9.5 4.1-1.7 7-5.1 7-9.5V6l-7-3Z" />
    <path d="m9 12 2.2 2.2L15.3 10" />
  </Icon>
);
export const BasketIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M4 10h16l-1.6 8.2a2 2 0 0 1-2 1.8H7.6a2 2 0 0 1-2-1.8L4 10Zm4 0 3-6m5 6-3-6" />
  </Icon>
);
export const WalletIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M4 7.5A2.5 2.5 0 0 1 6.5 5H18v3M4 7.5V17a2.5 2.5 0 0 0 2.5 2.5H20V8H6.5A2.5 2.5 0 0 1 4 7.5Z" />
    <circle cx="16" cy="13.7" r="1.1" fill="currentColor" stroke="none" />
  </Icon>
);
export const LockIcon = (props: Props) => (
  <Icon {...props}>
    <rect x="5.5" y="11" width="13" height="9" rx="2" />
    <path d="M8.5 11V8a3.5 3.5 0 0 1 7 0v3" />
  </Icon>
);
export const SunIcon = (props: Props) => (
  <Icon {...props}>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4" />
  </Icon>
);
export const MoonIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5Z" />
  </Icon>
);
export const PenIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M4 20h4L19 9l-4-4L4 16v4Zm9-13 4 4" />
  </Icon>
);
export const StarIcon = ({ isFull, ...props }: Props & { readonly isFull: boolean }) => (
  <Icon {...props}>
    <path
      d="m12 3.500 2.600 5.400 5.900.800-4.300 4.100 1 5.900L12 16.900l-5.200 2.800 1-5.900-4.300-4.100 5.900-.800L12 3.500Z"
      fill={isFull ? 'currentColor' : 'none'}
    />
  </Icon>
);
export const HomeIcon = ({ isFull, ...props }: Props & { readonly isFull: boolean }) => (
  <Icon {...props}>
    <path d="M4 11.500 12 4.500l8 7M6 10v9.500h12V10" fill={isFull ? 'currentColor' : 'none'} />
  </Icon>
);
export const CopyIcon = (props: Props) => (
  <Icon {...props}>
    <rect x="8.5" y="8.5" width="11" height="11" rx="2" />
    <path d="M15.500 8.500V6.500a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2" />
  </Icon>
);
export const CheckIcon = (props: Props) => (
  <Icon {...props}>
    <path d="m5 12.500 4.500 4.500L19 7.500" />
  </Icon>
);
export const CloseIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M6 6l12 12M18 6 6 18" />
  </Icon>
);
export const PlusIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M12 5v14M5 12h14" />
  </Icon>
);
export const PauseIcon = (props: Props) => (
  <Icon {...props}>
    <path d="M8 5v14m8-14v14" />
  </Icon>
);

const SOURCE_PATHS: Readonly<Record<Source, ReactNode>> = {
  unspecified: <circle cx="12" cy="12" r="5" />,
  solar: (
    <>
      <circle cx="12" cy="12" r="4" />
      <path d="M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.400 7 17M17 7l1.400-1.400" />
    </>
  ),
  wind: (
    <path d="M3 9h10.500a2.500 2.500 0 1 0-2.500-2.500M3 13h15.500a2.500 2.500 0 1 1-2.500 2.500M3 17h7.500a2 2 0 1 1-2 2" />
  ),
  hydro: <path d="M12 3.500c3.500 4.200 5.500 7 5.500 10a5.500 5.500 0 0 1-11 0c0-3 2-5.800 5.500-10Z" />,
  biomass: <path d="M5 19c0-8 5-13 14-14 0 9-5 14-11.500 14M5 20c1-4 4-7.500 8-9.500" />,
  storage: (
    <>
      <rect x="4" y="8" width="14" height="9" rx="2" />
      <path d="M20.500 11v3M7.500 11v3m3.500-3v3" />
    </>
  ),
};

/** The sign of an energy source. */
export function SourceIcon({ source, size = 16 }: { readonly source: Source; readonly size?: number }) {
  return (
    <span className={`source source-${source}`}>
      <Icon size={size}>{SOURCE_PATHS[source]}</Icon>
    </span>
  );
}
